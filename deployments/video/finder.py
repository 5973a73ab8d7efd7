"""Finding labels in a video, without Ray: decode, score, stop when nothing can change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing, closing

from deployments.classifier.protocol import Classifier
from deployments.classifier.stream import score_stream
from deployments.media.sampling import stride
from deployments.types import Buffer, TimedFrame
from deployments.verdicts import Finding, FirstMatches, LabelQuery
from deployments.video.decoding.pool import DecoderPool
from deployments.video.decoding.reader import VideoReader


class LocalVideoFinder:
    """Implements `VideoFinder` with the decoder processes of this one.

    Args:
        classifier: Reaches the models.
        decoders: Decode the videos.
    """

    def __init__(self, classifier: Classifier, decoders: DecoderPool) -> None:
        self._classifier = classifier
        self._decoders = decoders

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        infos = await asyncio.gather(*(self._classifier.info(query.model) for query in queries))
        matches = [FirstMatches(info, query) for info, query in zip(infos, queries, strict=True)]

        async with self._decoders.open(data) as video:
            reader = video.reader
            step = 1 if skip_percentage is None else stride(video.facts.frames, skip_percentage)
            stream = score_stream(
                self._classifier,
                infos,
                lambda: _frames(reader, step),
                video.executor,
                interrupt=reader.interrupt,
            )
            async with aclosing(stream):
                async for frame in stream:
                    for match, row in zip(matches, frame.rows, strict=True):
                        match.add(frame.index + 1, row)
                    if all(match.done for match in matches):
                        break
        return [match.findings for match in matches]


def _frames(reader: VideoReader, step: int) -> Iterator[TimedFrame]:
    with closing(reader.read_all(step)) as frames:
        for seen in frames:
            if seen.pixels is not None:
                yield TimedFrame(seen.position, seen.seconds, seen.pixels)
