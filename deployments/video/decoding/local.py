"""Decoding planned frames in this process: what runs inside a decoder's child process."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
from av.video.frame import VideoFrame

from deployments.errors import CorruptMediaError
from deployments.media.decode import decode_packets
from deployments.media.limits import MediaLimits
from deployments.media.packets import Int64Array
from deployments.media.picture import PictureMaker
from deployments.media.small_picture import SmallPictures
from deployments.media.video import OpenVideo, require_pixels
from deployments.types import VideoFacts
from deployments.video.decoding.packets import PacketSource
from deployments.video.decoding.reader import Seen
from deployments.video.decoding.scanned import ScannedVideo
from deployments.video.sampling.change import (
    SMALL_SIDE_PIXELS,
    CutDetector,
    ReuseGate,
    SmallLuma,
)
from deployments.video.sampling.decode_plan import Run
from deployments.video.sampling.frame_table import FrameTable


class LocalReader:
    """Implements `VideoReader`; a context manager.

    Args:
        video: Open; it stays the caller's to close.
        limits: What a frame may cost.
    """

    def __init__(self, video: OpenVideo, limits: MediaLimits) -> None:
        self._video = video
        self._limits = limits
        scanned = ScannedVideo.of(video)
        self._table = scanned.table()
        self.can_be_entered = scanned.can_be_entered
        """Whether decoding may begin at keyframes, as far as has been tried."""
        self._packets = PacketSource(
            video.data, video.facts.container, limits.max_pixels, video.index
        )
        self._leading = video.index.leading()
        self._position_of = np.full(len(video.index.pts), -1, np.int64)
        self._position_of[self._table.packet] = np.arange(len(self._table))
        self._by_packet = np.argsort(self._table.packet, kind="stable")
        self._packets_sorted = self._table.packet[self._by_packet]
        self._pictures = PictureMaker()
        self._small = SmallPictures(SMALL_SIDE_PIXELS)
        self._gate = ReuseGate()
        self._decoded = 0

    def __enter__(self) -> LocalReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._packets.close()

    @property
    def facts(self) -> VideoFacts:
        """See `VideoReader.facts`."""
        return self._video.facts

    @property
    def table(self) -> FrameTable:
        """See `VideoReader.table`."""
        return self._table

    @property
    def decoded(self) -> int:
        """See `VideoReader.decoded`."""
        return self._decoded

    def read(self, runs: Sequence[Run], follow: range | None = None) -> Generator[Seen, None, None]:
        """See `VideoReader.read`."""
        return (seen for seen in self.steps(runs, follow) if seen is not None)

    def read_all(self, stride: int) -> Generator[Seen, None, None]:
        """See `VideoReader.read_all`."""
        return (seen for seen in self.all_steps(stride) if seen is not None)

    def steps(self, runs: Sequence[Run], follow: range | None = None) -> Iterator[Seen | None]:
        """As `read`, with None for every decoded frame that is passed over.

        Where decoding cannot begin at a keyframe as its container promised (streams that refresh
        bit by bit), the rest is decoded from the video's first packet on; what fails then is
        damaged.
        """
        left = deque(runs if self.can_be_entered else self._from_start(runs))
        while left:
            after = left[0].after
            try:
                for seen in self._run(left[0], follow):
                    if seen is not None:
                        after = seen.position
                    yield seen
            except CorruptMediaError:
                if left[0].entry == 0 or left[0].whole:
                    raise
                self.can_be_entered = False
                left[0] = replace(left[0], after=after)
                left = deque(self._from_start(left))
            else:
                left.popleft()

    def all_steps(self, stride: int) -> Iterator[Seen | None]:
        """As `read_all`, with None for every decoded frame that is passed over."""
        for frame in self._video.steps(stride):
            self._decoded += 1
            if frame is None:
                yield None
            else:
                yield Seen(frame.index, frame.index, frame.pts_seconds, frame.pixels)

    def _from_start(self, runs: Sequence[Run]) -> list[Run]:
        """The same frames but those seen before, in one run from the first packet on."""
        self._packets.restart()
        wanted = tuple(i for run in runs for i in run.unseen)
        if not wanted:
            return []
        packets = len(self._video.index.pts)
        # Wanted frames count first, should timestamps put those of a later run before it.
        after = min(runs[0].after, min(wanted) - 1)
        return [Run(0, packets - 1, wanted, packets, after=after)]

    def _run(self, run: Run, follow: range | None) -> Iterator[Seen | None]:
        """One run. A frame that the video leaves out (the second field of a picture, pictures that
        no player shows) is seen as the one that is on show instead.
        """
        wanted = deque(run.unseen)
        cuts = CutDetector()
        shown: VideoFrame | None = None
        is_rest = run.entry == 0 and not self.can_be_entered
        with closing(self._frames(run)) as frames:
            for position, frame in frames:
                if is_rest and not wanted:
                    return
                while wanted and wanted[0] < position:
                    yield self._look(wanted.popleft(), shown or frame)
                is_wanted = bool(wanted) and wanted[0] == position
                if is_wanted:
                    wanted.popleft()
                if follow is not None and position in follow:
                    luma = self._small.luma(frame)
                    is_wanted |= cuts.is_cut(self._at(position), luma) and position > run.after
                    yield self._compare(position, frame, luma) if is_wanted else None
                else:
                    yield self._look(position, frame) if is_wanted else None
                shown = frame
        for position in wanted:
            if shown is None:
                raise CorruptMediaError("The video is damaged: a frame cannot be decoded.")
            yield self._look(position, shown)

    def _frames(self, run: Run) -> Generator[tuple[int, VideoFrame], None, None]:
        """Frames of a run with their positions, as they come out of the decoder.

        Timestamps that contradict the decoder's order are refused: which frame is on show when
        could not be told, and one could be taken for another.
        """
        source = self._packets.source
        source.stream.codec_context.flush_buffers()
        packets = self._packets.read(self._ordinals(run))
        latest = -1
        counted = iter(self._inside(run))
        expected = iter(self._inside(run)) if run.whole else None
        for decoded in decode_packets(source, self._video.index, packets, entry=run.entry):
            frame = decoded.frame
            require_pixels(frame.width, frame.height, self._limits)
            self._decoded += 1
            if self._table.is_order_known:
                position = int(self._position_of[decoded.ordinal])
            else:
                position = next(counted, -1)
            if position < latest and (position >= 0 or self._video.index.shown[decoded.ordinal]):
                raise CorruptMediaError("The video is damaged: its timestamps run backwards.")
            latest = max(latest, position)
            if expected is not None and position != next(expected, None):
                raise _irregular()
            if position >= 0:
                yield position, frame
        if expected is not None and next(expected, None) is not None:
            raise _irregular()

    def _look(self, position: int, frame: VideoFrame) -> Seen:
        return Seen(position, position, self._at(position), self._pictures.rgb(frame))

    def _compare(self, position: int, frame: VideoFrame, luma: SmallLuma) -> Seen:
        source = self._gate.source(position, self._at(position), luma)
        if source == position:
            return self._look(position, frame)
        return Seen(position, source, self._at(position), None)

    def _at(self, position: int) -> float:
        return float(self._table.seconds[position])

    def _ordinals(self, run: Run) -> Int64Array:
        """Packets to decode. Not among them: what leads the run's own keyframe and is predicted
        from the group before it as well.
        """
        ordinals = run.packets(self._table)
        if run.entry <= self._video.index.first_keyframe:
            return ordinals
        keyframes = self._video.index.keyframe[run.entry + 1 : run.last + 1].nonzero()[0]
        group_end = run.entry + 1 + int(keyframes[0]) if len(keyframes) else run.last + 1
        return ordinals[~(self._leading[ordinals] & (ordinals < group_end))]

    def _inside(self, run: Run) -> Sequence[int]:
        """Positions of all frames of a run of whole groups."""
        start, stop = np.searchsorted(self._packets_sorted, (run.entry, run.last + 1))
        inside: list[int] = np.sort(self._by_packet[start:stop]).tolist()
        return inside


def _irregular() -> CorruptMediaError:
    """Frames that do not come one for each of the table's: fields, damage, a broadcast's start."""
    return CorruptMediaError("The video's frames do not come as its packets say.")
