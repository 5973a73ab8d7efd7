"""A `VideoService` that decodes nothing: the video's scores are given to it beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from deployments.errors import ModelNotFoundError, VigilError
from deployments.media.sampling import stride
from deployments.types import Buffer, ModelInfo, Scores, VideoFacts
from deployments.verdicts import Finding, FirstMatches, LabelQuery
from deployments.video.analysis import Analysis, AnalysisEvent, AnalysisRequest, Progress
from deployments.video.conclusion import Looked, Question, conclude
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks
from deployments.video.timeline import Work

FRAME_RATE = 10.0
"""Of the fake video."""

SHEET = b"\xff\xd8\xff\xd9"
"""The fake contact sheet: a JPEG file's first and last marker."""


@dataclass(frozen=True, slots=True)
class FakeFind:
    """One call of `FakeVideoFinder.find`."""

    size_bytes: int
    queries: tuple[LabelQuery, ...]
    skip_percentage: float | None


class FakeVideoFinder:
    """Implements `VideoFinder`: every video is the same, and its scores are known.

    Args:
        scores: For each model its ``ModelInfo`` and the video's scores ``[frames, L]``.
    """

    def __init__(self, scores: Mapping[str, tuple[ModelInfo, Scores]]) -> None:
        self._scores = scores
        self._failure: VigilError | None = None
        self.calls: list[FakeFind] = []
        """Every call of `find`, in order, those that failed too."""

    def fail(self, error: VigilError | None) -> None:
        """Make every later `find` raise ``error``; None: work again."""
        self._failure = error

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        self.calls.append(FakeFind(memoryview(data).nbytes, tuple(queries), skip_percentage))
        if self._failure is not None:
            raise self._failure
        return [self._find(query, skip_percentage) for query in queries]

    def _find(self, query: LabelQuery, skip_percentage: float | None) -> list[Finding]:
        info, scores = self._known(query.model)
        matches = FirstMatches(info, query)
        step = 1 if skip_percentage is None else stride(len(scores), skip_percentage)
        for index in range(0, len(scores), step):
            matches.add(index + 1, scores[index])
        return matches.findings

    def _known(self, model: str) -> tuple[ModelInfo, Scores]:
        if model not in self._scores:
            raise ModelNotFoundError(f"There is no model {model!r} here.")
        return self._scores[model]


Step: TypeAlias = AnalysisEvent | asyncio.Event | VigilError | None
"""What a scripted analysis does next: tell an event, wait, fail, or (None) go on as it would
without a script."""


class FakeVideoAnalyst(FakeVideoFinder):
    """Implements `VideoService`: as `FakeVideoFinder`, with `FRAME_RATE` frames a second.

    Without a script it looks at every frame, whatever the sampling, and tells what the timeline
    makes of the scores.

    Args:
        scores: As of `FakeVideoFinder`.
    """

    def __init__(self, scores: Mapping[str, tuple[ModelInfo, Scores]]) -> None:
        super().__init__(scores)
        self._script: tuple[Step, ...] = (None,)
        self.requests: list[AnalysisRequest] = []
        """What every call of `analyse` asked, in order, those that failed too."""
        self.closed = asyncio.Event()
        """Set when an analysis is over: at its end, failed, or cancelled."""

    def play(self, *script: Step) -> None:
        """Make every later `analyse` do this, in order."""
        self._script = script

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`."""
        self.requests.append(request)
        try:
            if self._failure is not None:
                raise self._failure
            for step in self._script:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, VigilError):
                    raise step
                elif step is None:
                    for event in self._events(request):
                        yield event
                else:
                    yield step
        finally:
            self.closed.set()

    def _events(self, request: AnalysisRequest) -> Iterator[AnalysisEvent]:
        model, scores = self._known(request.model)
        question = Question.of(request, model)
        table = _table(len(scores))
        span = table.span(request.start_seconds, request.end_seconds)
        rows = question.columns(scores)
        pending = {threshold.label for threshold in question.thresholds[: question.asked]}
        looked: dict[int, Scores] = {}
        stopped = False
        for position in span:
            looked[position] = rows[position]
            seconds = float(table.seconds[position])
            for found in question.matches(position, seconds, rows[position]):
                if found.label in pending:
                    pending.remove(found.label)
                    yield found
            yield Progress(seconds, len(looked) / len(span))
            if request.stop_on_first and len(pending) < question.asked:
                stopped = len(looked) < len(span)
                break
        work = Work(len(looked), len(looked), 0, stopped_early=stopped)
        every = Looked("every_frame", table, span, Looks.of(looked), work)
        sheet = SHEET if request.sheet and len(pending) < question.asked else None
        yield _conclusion(request, question, every, sheet)


def _conclusion(
    request: AnalysisRequest, question: Question, looked: Looked, sheet: bytes | None
) -> Analysis:
    table = looked.table
    facts = VideoFacts(
        container="mp4",
        codec="h264",
        width=320,
        height=180,
        rotation=0,
        duration_seconds=table.end_seconds,
        frames=len(table),
        frame_rate=FRAME_RATE,
    )
    return conclude(request, question, facts, looked, sheet)


def _table(frames: int) -> FrameTable:
    """Of a video that has keyframes only."""
    order = np.arange(frames)
    every = np.ones(frames, np.bool_)
    return FrameTable(order / FRAME_RATE, frames / FRAME_RATE, order, every, order, order, every)
