"""Uploaded image → scores or findings: what both contracts do with a still image or an animation.

A still image takes one trip to a worker thread (sniff, decode, fit for every model asked) and one
call for each model. An animation is streamed: a bounded number of its frames exists at a time, and
it is decoded no further than the answer needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice

from deployments.classifier.protocol import Classifier
from deployments.classifier.stream import ScoredFrame, score_stream
from deployments.errors import UnsupportedMediaError
from deployments.media.fit import fit
from deployments.media.image import OpenImage, open_image
from deployments.media.limits import MediaLimits
from deployments.media.sampling import stride
from deployments.media.sniff import sniff
from deployments.types import Frames, ImageFacts, InputSpec, ModelInfo, TimedFrame
from deployments.verdicts import Finding, FirstMatches, LabelQuery
from serve_app.timed_executor import TimedExecutor


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """Every frame of one image, scored by one model."""

    facts: ImageFacts
    frames: tuple[ScoredFrame, ...]


@dataclass(frozen=True, slots=True)
class SearchedImage:
    """What was found in one image."""

    facts: ImageFacts
    findings: tuple[tuple[Finding, ...], ...]
    """For each query, in frame order, then in the order its labels were asked."""


@dataclass(frozen=True, slots=True)
class _Opened:
    image: OpenImage
    fitted: dict[InputSpec, Frames] | None
    """A still image's one frame ``[1, h, w, 3]`` for each input; None for an animation."""


class ImageScorer:
    """Scores images and searches them.

    Args:
        classifier: Reaches the models.
        limits: What one image may cost.
        stills: Threads that open images and decode stills.
        animations: Threads that decode animations; apart, because each is held for as long as its
            animation takes, and stills must not wait for that.
        reduces_jpegs: Decode large JPEGs smaller, where all models asked allow it.
    """

    def __init__(
        self,
        classifier: Classifier,
        limits: MediaLimits,
        stills: TimedExecutor,
        animations: Executor,
        *,
        reduces_jpegs: bool = False,
    ) -> None:
        self._classifier = classifier
        self._limits = limits
        self._stills = stills
        self._animations = animations
        self._reduces_jpegs = reduces_jpegs

    async def score(self, data: bytes, model: ModelInfo) -> ScoredImage:
        """Scores of all frames.

        Args:
            data: The uploaded file.
            model: As `Classifier.info` gave it.

        Raises:
            MediaError: Not an image, damaged, or too large.
            ModelError, ServiceError: As `Classifier.classify`.
        """
        opened = await self._open(data, [model])
        async with aclosing(self._scored(opened, [model], step=1)) as scored:
            frames = tuple([frame async for frame in scored])
        return ScoredImage(opened.image.facts, frames)

    async def search(
        self,
        data: bytes,
        models: Sequence[ModelInfo],
        queries: Sequence[LabelQuery],
        skip_percentage: float | None = None,
    ) -> SearchedImage:
        """The first frame of every label asked for; the image is decoded once for all models.

        Args:
            data: The uploaded file.
            models: One for each query, as `Classifier.info` gave it.
            queries: What to look for.
            skip_percentage: Animations: look at every k-th frame only,
                ``k = max(1, round(frames × skip_percentage / 100))``. None: at every frame.

        Raises:
            UnknownLabelError: A label that its model cannot return.
            MediaError: Not an image, damaged as far as it was read, or too large.
            ModelError, ServiceError: As `Classifier.classify`.
        """
        matches = [FirstMatches(model, query) for model, query in zip(models, queries, strict=True)]
        opened = await self._open(data, models)
        facts = opened.image.facts
        step = 1 if skip_percentage is None else stride(facts.frames, skip_percentage)
        async with aclosing(self._scored(opened, models, step)) as scored:
            async for frame in scored:
                for match, row in zip(matches, frame.rows, strict=True):
                    match.add(frame.index, row)
                if all(match.done for match in matches):
                    break
        return SearchedImage(facts, tuple(tuple(match.findings) for match in matches))

    async def _open(self, data: bytes, models: Sequence[ModelInfo]) -> _Opened:
        specs = tuple(dict.fromkeys(model.input for model in models))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._stills, _open, data, self._limits, specs, self._reduces_jpegs
        )

    async def _scored(
        self, opened: _Opened, models: Sequence[ModelInfo], step: int
    ) -> AsyncGenerator[ScoredFrame, None]:
        if opened.fitted is not None:
            fitted = opened.fitted
            # Where images wait to be decoded, their frames follow.
            more = self._stills.waiting > 0
            calls = [
                self._classifier.classify(model.name, fitted[model.input], more_follow=more)
                for model in models
            ]
            # One model, as nearly always, needs no tasks.
            scores = [await calls[0]] if len(calls) == 1 else await asyncio.gather(*calls)
            yield ScoredFrame(0, 0.0, tuple(rows[0] for rows in scores))
            return

        def frames() -> Iterator[TimedFrame]:
            return islice(opened.image.frames(), 0, None, step)

        stream = score_stream(self._classifier, models, frames, self._animations)
        async with aclosing(stream):
            async for frame in stream:
                yield frame


def _open(
    data: bytes, limits: MediaLimits, specs: Sequence[InputSpec], reduces_jpegs: bool
) -> _Opened:
    """Everything that a still image needs of a worker thread, in one go."""
    media = sniff(data)
    if media.kind == "video":
        raise UnsupportedMediaError(
            f"This is a video ({media.name}), and the route takes images; "
            "send it to /api/video-classification."
        )
    image = open_image(data, limits)
    if image.facts.type == "animation":
        return _Opened(image, None)
    (frame,) = image.frames(specs if reduces_jpegs else ())
    return _Opened(image, {spec: fit(frame.pixels, spec)[None] for spec in specs})
