"""Finding labels in a video, without Ray: scan, decode, score, stop when nothing can change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing

from deployments.classifier.protocol import Classifier
from deployments.classifier.stream import score_stream
from deployments.media.limits import MediaLimits
from deployments.media.sampling import stride
from deployments.media.video import open_video
from deployments.types import Buffer, TimedFrame
from deployments.verdicts import Finding, FirstMatches, LabelQuery


class LocalVideoFinder:
    """Implements `VideoFinder` in this process.

    Args:
        classifier: Reaches the models.
        limits: What a video may cost.
        executor: Decodes; one thread for each video at a time.
    """

    def __init__(self, classifier: Classifier, limits: MediaLimits, executor: Executor) -> None:
        self._classifier = classifier
        self._limits = limits
        self._executor = executor

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        infos = await asyncio.gather(*(self._classifier.info(query.model) for query in queries))
        matches = [FirstMatches(info, query) for info, query in zip(infos, queries, strict=True)]

        def frames() -> Iterator[TimedFrame]:
            with open_video(data, self._limits) as video:
                step = 1 if skip_percentage is None else stride(video.facts.frames, skip_percentage)
                yield from video.frames(step)

        stream = score_stream(self._classifier, infos, frames, self._executor)
        async with aclosing(stream):
            async for frame in stream:
                for match, row in zip(matches, frame.rows, strict=True):
                    match.add(frame.index + 1, row)
                if all(match.done for match in matches):
                    break
        return [match.findings for match in matches]
