"""Videos that are counted: how many, how they ended, how long they took, how many frames."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager

from deployments.telemetry import catalog, tracing
from deployments.telemetry.metrics import Metrics
from deployments.types import Buffer
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import Analysis, AnalysisEvent, AnalysisRequest, VideoAnalyst
from deployments.video.protocol import VideoFinder
from deployments.video.timeline import Coverage

CLASSIFY_STAGE = "classify_video"
"""Stage of the calls to models that a video replica makes."""


class ObservedPool:
    """Implements `PoolObserver`.

    Args:
        metrics: Records.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def replaced(self) -> None:
        """See `PoolObserver.replaced`."""
        self._metrics.count(catalog.DECODER_RESTARTS, 1)

    def closed(self, decoded: int) -> None:
        """See `PoolObserver.closed`."""
        self._metrics.count(catalog.VIDEO_FRAMES, decoded, "decoded")


class _Outcome:
    """How the work on one video ended."""

    value = "cancelled"


class ObservedVideos:
    """Implements `VideoService` by a finder and an analyst.

    Args:
        finder: Finds labels.
        analyst: Analyses.
        metrics: Records.
    """

    def __init__(self, finder: VideoFinder, analyst: VideoAnalyst, metrics: Metrics) -> None:
        self._finder = finder
        self._analyst = analyst
        self._metrics = metrics

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        with self._recorded("find") as outcome:
            found = await self._finder.find(data, queries, skip_percentage)
            outcome.value = "complete"
            return found

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`."""
        with self._recorded("analyse") as outcome:
            async with aclosing(self._analyst.analyse(data, request)) as events:
                async for event in events:
                    if isinstance(event, Analysis):
                        outcome.value = _ended(event.coverage)
                        self._count_frames(event.coverage)
                    yield event

    def _count_frames(self, coverage: Coverage) -> None:
        self._metrics.count(catalog.VIDEO_FRAMES, coverage.frames_reused, "reused")
        self._metrics.count(catalog.VIDEO_FRAMES, coverage.frames_failed, "failed")
        self._metrics.count(catalog.VIDEO_FRAMES, coverage.frames_classified, "classified")

    @contextmanager
    def _recorded(self, operation: str) -> Iterator[_Outcome]:
        outcome = _Outcome()
        parent = tracing.traceparent()
        started = time.monotonic()
        try:
            yield outcome
        except Exception:
            outcome.value = "failed"
            raise
        finally:
            ended = time.monotonic()
            self._metrics.count(catalog.VIDEOS, 1, operation, outcome.value)
            catalog.VIDEO.record(self._metrics, ended - started, operation)
            if parent is not None:
                # Told when it is over: a span may not stay open over a generator's yields, whose
                # consumer has a context of its own.
                tracing.ended_span(
                    f"video.{operation}",
                    started=started,
                    ended=ended,
                    parent=parent,
                    attributes={"vigil.outcome": outcome.value},
                )


def _ended(coverage: Coverage) -> str:
    if coverage.complete:
        return "complete"
    return "incomplete" if coverage.frames_failed else "stopped"
