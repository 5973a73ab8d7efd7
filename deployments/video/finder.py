"""Finding labels in a video, without Ray: decode, score, stop when nothing can change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import aclosing, closing

from deployments.classifier.protocol import Classifier
from deployments.classifier.stream import score_stream
from deployments.errors import MediaError
from deployments.media.sampling import stride
from deployments.types import Buffer, ModelInfo, TimedFrame
from deployments.verdicts import Finding, FirstMatches, LabelQuery
from deployments.video.decoding.pool import DecoderPool, OpenedVideo
from deployments.video.decoding.reader import VideoReader
from deployments.video.first_matches_book import FirstMatchesBook
from deployments.video.look_taker import EnoughFoundError, LookTaker
from deployments.video.sampling.decode_plan import DecodePlan

logger = logging.getLogger(__name__)

SHARED_FRAMES = 300
"""A shorter video is over before a second process has opened it."""


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
            step = 1 if skip_percentage is None else stride(video.facts.frames, skip_percentage)
            if len(queries) > 1 or not _is_worth_sharing(video):
                await self._find_in_order(video, infos, matches, step)
                return [match.findings for match in matches]
            if await self._find_in_parts(video, infos[0], matches[0], step):
                return [matches[0].findings]
        match = FirstMatches(infos[0], queries[0])
        async with self._decoders.open(data) as video:
            await self._find_in_order(video, infos, [match], step)
        return [match.findings]

    async def _find_in_parts(
        self, video: OpenedVideo, info: ModelInfo, match: FirstMatches, step: int
    ) -> bool:
        """Several processes take a part each. The answer is that of `_find_in_order`.

        Returns:
            False where anything was unusual: damage (which counts only where nothing before it
            ends the search), frames that do not come one for each packet. All of that is left to
            the plain way, from the start.
        """
        book = FirstMatchesBook(match, step)
        taker = LookTaker(video, self._classifier, info, book, stop_on_first=True)
        plan = await asyncio.to_thread(DecodePlan.whole, video.table, step)
        try:
            await taker.take_plan(plan)
        except EnoughFoundError:
            return True
        except MediaError as error:
            logger.info("a video is not decoded in parts: %s", error.detail)
            return False
        return True

    async def _find_in_order(
        self,
        video: OpenedVideo,
        infos: Sequence[ModelInfo],
        matches: Sequence[FirstMatches],
        step: int,
    ) -> None:
        """One process, from the first frame to the last that matters."""
        reader = video.reader
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


def _is_worth_sharing(video: OpenedVideo) -> bool:
    return (
        video.processes > 1
        and video.has_idle_process
        and video.reader.can_be_entered
        and video.reader.scanned.can_be_entered
        and video.facts.frames >= SHARED_FRAMES
        and int(video.table.keyframe.sum()) > 1
    )


def _frames(reader: VideoReader, step: int) -> Iterator[TimedFrame]:
    with closing(reader.read_all(step)) as frames:
        for seen in frames:
            if seen.pixels is not None:
                yield TimedFrame(seen.position, seen.seconds, seen.pixels)
