"""Videos are counted by how they ended, with their frames, and so are the decoders replaced."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest
from opentelemetry import trace

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.telemetry import catalog
from deployments.telemetry.metrics import MemoryMetrics
from deployments.verdicts import LabelQuery
from deployments.video.analysis import Analysis, AnalysisRequest, Progress
from deployments.video.decoding.pool import DecoderPool
from deployments.video.fake import FakeVideoAnalyst
from deployments.video.finder import LocalVideoFinder
from deployments.video.observed import ObservedPool, ObservedVideos
from tests.assets.videos import make_video
from tests.unit.telemetry.spans import kept_spans, named

VIDEO = make_video(frames=20)
REQUEST = AnalysisRequest(FAKE_MODEL.name, 0.7)


def observed(metrics: MemoryMetrics) -> tuple[ObservedVideos, FakeVideoAnalyst]:
    scores = np.tile(np.float32([0.9, 0.1]), (20, 1))
    videos = FakeVideoAnalyst({FAKE_MODEL.name: (FAKE_MODEL, scores)})
    return ObservedVideos(videos, videos, metrics), videos


async def analysed(videos: ObservedVideos, request: AnalysisRequest = REQUEST) -> Analysis:
    async with aclosing(videos.analyse(VIDEO, request)) as events:
        *_, last = [event async for event in events]
    assert isinstance(last, Analysis)
    return last


async def test_a_complete_analysis_counts_with_its_frames_and_its_time() -> None:
    metrics = MemoryMetrics()
    videos, _ = observed(metrics)
    coverage = (await analysed(videos)).coverage
    assert metrics.total(catalog.VIDEOS, "analyse", "complete") == 1
    assert metrics.total(catalog.VIDEO_FRAMES, "classified") == coverage.frames_classified > 0
    [seconds] = metrics.observed[catalog.VIDEO_SECONDS, ("analyse",)]
    assert metrics.total(catalog.VIDEO_TIME, "analyse") == seconds


@pytest.mark.parametrize(("failed", "outcome"), [(0, "stopped"), (3, "incomplete")])
async def test_looks_that_failed_make_it_incomplete_and_an_early_end_does_not(
    failed: int, outcome: str
) -> None:
    metrics = MemoryMetrics()
    videos, fake = observed(metrics)
    analysis = await analysed(ObservedVideos(fake, fake, MemoryMetrics()))
    coverage = replace(analysis.coverage, frames_failed=failed, complete=False)
    fake.play(replace(analysis, coverage=coverage))
    await analysed(videos)
    assert metrics.total(catalog.VIDEOS, "analyse", outcome) == 1
    assert metrics.total(catalog.VIDEO_FRAMES, "failed") == failed


async def test_a_failed_and_an_abandoned_analysis_are_told_apart() -> None:
    metrics = MemoryMetrics()
    videos, fake = observed(metrics)
    fake.play(CorruptMediaError("It is damaged."))
    with pytest.raises(CorruptMediaError):
        await analysed(videos)
    fake.play(Progress(1.0, 0.5), Progress(2.0, 1.0))
    async with aclosing(videos.analyse(VIDEO, REQUEST)) as events:
        await anext(events)
    assert metrics.total(catalog.VIDEOS, "analyse", "failed") == 1
    assert metrics.total(catalog.VIDEOS, "analyse", "cancelled") == 1


async def test_an_analysis_is_a_span_of_its_request() -> None:
    exporter = kept_spans()
    videos, _ = observed(MemoryMetrics())
    with trace.get_tracer("test").start_as_current_span("request"):
        await analysed(videos)
    request, video = named(exporter, "request"), named(exporter, "video.analyse")
    assert video.parent is not None
    assert video.parent.span_id == request.context.span_id
    assert video.attributes == {"vigil.outcome": "complete"}


async def test_decoded_frames_and_replaced_decoders_are_counted() -> None:
    metrics = MemoryMetrics()
    pool = DecoderPool(1, MediaLimits(), observer=ObservedPool(metrics))
    try:
        finder = LocalVideoFinder(FakeClassifier(), pool)
        await finder.find(VIDEO, [LabelQuery(FAKE_MODEL.name, None, 0.7, False)])
        assert metrics.total(catalog.VIDEO_FRAMES, "decoded") == 20
        assert metrics.total(catalog.DECODER_RESTARTS) == 0
        async with pool.open(VIDEO) as video:
            video.reader.kill()
        assert metrics.total(catalog.DECODER_RESTARTS) == 1
    finally:
        pool.close()
