"""What a model's replica tells of its batches, its failures and its part in traces."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from opentelemetry import trace

from deployments.classifier.fake import FAKE_MODEL, redness_scores
from deployments.classifier.metrics import ModelTelemetry
from deployments.classifier.replica import ModelReplica
from deployments.errors import InferenceError
from deployments.telemetry import catalog
from deployments.telemetry.metrics import MemoryMetrics
from deployments.telemetry.request import Origin, RequestContext, current_origin, working_for
from deployments.types import Frames, ModelInfo, Scores
from tests.unit.telemetry.spans import kept_spans, named

MODEL = FAKE_MODEL.name
RED, BLACK = (255, 0, 0), (0, 0, 0)


@dataclass
class Redness:
    """Scores by redness; fails on white."""

    info: ModelInfo = FAKE_MODEL

    def scores(self, items: Sequence[Frames]) -> Scores:
        frames = np.concatenate(items)
        if (frames[:, 0, 0] == 255).all(axis=1).any():
            raise ZeroDivisionError
        return redness_scores(frames, len(self.info.labels))


def frames(*colours: tuple[int, int, int]) -> Frames:
    spec = FAKE_MODEL.input
    return np.stack([np.full((spec.height, spec.width, 3), c, np.uint8) for c in colours])


def make(metrics: MemoryMetrics, threshold: float = 0.7) -> ModelReplica:
    told = ModelTelemetry(metrics, FAKE_MODEL, threshold)
    return ModelReplica(
        Redness(), max_queued_frames=100, report=told.batch, report_failure=told.failure
    )


async def test_batches_frames_and_times_are_counted() -> None:
    metrics = MemoryMetrics()
    await make(metrics).classify([frames(RED), frames(BLACK, RED)])
    assert metrics.total(catalog.BATCHES, MODEL) == 1
    assert metrics.total(catalog.FRAMES, MODEL) == 3
    assert metrics.observed[catalog.BATCH_FRAMES, (MODEL,)] == [3]
    [seconds] = metrics.observed[catalog.BATCH_SECONDS, (MODEL,)]
    assert metrics.total(catalog.MODEL_TIME, MODEL) == seconds > 0
    [wait] = metrics.observed[catalog.BATCH_WAIT_SECONDS, (MODEL,)]
    assert metrics.total(catalog.WAIT_TIME, MODEL) == wait >= 0


async def test_frames_over_the_threshold_are_counted_by_flagged_label() -> None:
    metrics = MemoryMetrics()
    await make(metrics).classify([frames(RED, RED, BLACK)])
    flagged = {key: n for key, n in metrics.counted.items() if key[0] == catalog.FLAGGED_FRAMES}
    assert flagged == {(catalog.FLAGGED_FRAMES, (MODEL, "nsfw")): 2}


async def test_a_failing_item_is_counted_and_logged_with_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = MemoryMetrics()
    with caplog.at_level(logging.ERROR, "deployments"):
        failed, scored = await make(metrics).classify(
            [frames((255, 255, 255)), frames(RED)], [Origin("abc"), None]
        )
    assert isinstance(failed, InferenceError)
    assert not isinstance(scored, InferenceError)
    assert metrics.total(catalog.FAILED_ITEMS, MODEL) == 1
    [record] = caplog.records
    assert "abc" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1].__cause__, ZeroDivisionError)  # type: ignore[union-attr]


async def test_each_traced_request_has_a_span_that_is_linked_with_its_batch() -> None:
    exporter = kept_spans()
    tracer = trace.get_tracer("test")
    origins = []
    for name in ("first", "second"):
        with working_for(RequestContext(name)), tracer.start_as_current_span(name):
            origins.append(current_origin())
    await make(MemoryMetrics()).classify(
        [frames(RED), frames(RED), frames(RED)], [*origins, Origin("untraced")]
    )
    batch = named(exporter, "model.batch")
    items = [span for span in exporter.get_finished_spans() if span.name == "model"]
    callers = [named(exporter, name) for name in ("first", "second")]
    assert [link.context.span_id for link in batch.links] == [c.context.span_id for c in callers]
    assert [span.parent and span.parent.span_id for span in items] == [
        caller.context.span_id for caller in callers
    ]
    assert {link.context.span_id for span in items for link in span.links} == {
        batch.context.span_id
    }
    assert batch.attributes is not None
    assert batch.attributes["vigil.frames"] == 3


async def test_untraced_requests_leave_no_spans() -> None:
    exporter = kept_spans()
    await make(MemoryMetrics()).classify([frames(RED)], [Origin("abc")])
    await asyncio.sleep(0)
    assert exporter.get_finished_spans() == ()
