"""Animated images asked about as videos: every frame is looked at, the answer has a video's form.

They are decoded where images are, in the ingress: their formats have no way to begin anywhere but
at the first frame, so there is nothing to sample and little to send to a video replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from itertools import islice

import numpy as np

from deployments.classifier.protocol import Classifier
from deployments.classifier.stream import score_stream
from deployments.errors import UnsupportedMediaError
from deployments.media.image import OpenImage, open_image
from deployments.media.limits import MediaLimits
from deployments.types import Buffer, Scores, TimedFrame
from deployments.video.analysis import AnalysisEvent, AnalysisRequest, Progress
from deployments.video.conclusion import Looked, Question, conclude
from deployments.video.contact_sheet import compose, thumbnail, worth_showing
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.named import Sampling
from deployments.video.sampling.policy import Looks
from deployments.video.timeline import Segment, Work


class AnimationAnalyst:
    """Does for animated images what a `VideoAnalyst` does for videos.

    Args:
        classifier: Reaches the models.
        limits: What one image may cost.
        executor: Opens and decodes; one thread for each animation at a time.
    """

    def __init__(self, classifier: Classifier, limits: MediaLimits, executor: Executor) -> None:
        self._classifier = classifier
        self._limits = limits
        self._executor = executor

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """As `VideoAnalyst.analyse`; the sampling that is asked for makes no difference.

        Args:
            data: A whole image file.
            request: What to find.

        Raises:
            UnsupportedMediaError: A still image.
            MediaError: Not an image, damaged, or too large.
            UnknownLabelError, InvalidParameterError: The request asks for what cannot be.
            ModelError, ServiceError: As `Classifier.classify`.
        """
        model = await self._classifier.info(request.model)
        question = Question.of(request, model)
        loop = asyncio.get_running_loop()
        image = await loop.run_in_executor(self._executor, open_image, data, self._limits)
        if image.facts.type != "animation":
            raise UnsupportedMediaError(
                f"This is a still image ({image.facts.format}), and the route takes videos and "
                "animated images; send it to /v1/images."
            )
        table = _table(image)
        span = table.span(request.start_seconds, request.end_seconds)

        def frames() -> Iterator[TimedFrame]:
            return islice(image.frames(), span.start, span.stop)

        rows: dict[int, Scores] = {}
        pending = {threshold.label for threshold in question.thresholds[: question.asked]}
        stream = score_stream(self._classifier, [model], frames, self._executor)
        async with aclosing(stream):
            async for frame in stream:
                row = question.columns(frame.rows[0][None])[0]
                rows[frame.index] = row
                for found in question.matches(frame.index, frame.pts_seconds, row):
                    if found.label in pending:
                        pending.remove(found.label)
                        yield found
                if request.stop_on_first and len(pending) < question.asked:
                    break
                yield Progress(frame.pts_seconds, len(rows) / len(span))
        work = Work(
            frames_decoded=max(rows) + 1,
            frames_classified=len(rows),
            frames_reused=0,
            stopped_early=len(rows) < len(span),
        )
        looks = Looks.of(rows)
        looked = Looked(Sampling.EVERY_FRAME.value, table, span, looks, work)
        analysis = conclude(request, question, image.facts, looked)
        if request.sheet and analysis.segments:
            shown = [(s, _peak(question, looks, s)) for s in worth_showing(analysis.segments)]
            sheet = await loop.run_in_executor(self._executor, _sheet, image, shown, request.blur)
            analysis = replace(analysis, sheet=sheet)
        yield analysis


def _peak(question: Question, looks: Looks, segment: Segment) -> int:
    """Position of a segment's peak. Its time does not tell where several frames share one."""
    column = [threshold.label for threshold in question.thresholds].index(segment.label)
    first, end = np.searchsorted(looks.frames, (segment.start_frame - 1, segment.end_frame))
    return int(looks.frames[first + looks.scores[first:end, column].argmax()])


def _sheet(image: OpenImage, shown: Sequence[tuple[Segment, int]], blur: bool) -> bytes:
    """The contact sheet of the frames at some positions; they are decoded anew."""
    wanted = {position for _, position in shown}
    frames = islice(image.frames(), max(wanted) + 1)
    pictures = {
        frame.index: thumbnail(frame.pixels, blur=blur) for frame in frames if frame.index in wanted
    }
    segments = [segment for segment, _ in shown]
    return compose(segments, [pictures[position] for _, position in shown])


def _table(image: OpenImage) -> FrameTable:
    """Its frames as those of a video; formats without times show all of them at 0 seconds."""
    order = np.arange(image.facts.frames)
    first = np.arange(image.facts.frames) == 0
    return FrameTable(
        seconds=np.array(image.starts),
        end_seconds=image.facts.duration_seconds or image.starts[-1],
        size=np.zeros_like(order),
        keyframe=first,
        packet=order,
        entry=np.zeros_like(order),
        reference=np.ones(len(order), np.bool_),
    )
