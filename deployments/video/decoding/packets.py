"""Getting at the packets of a run: by seeking where that is shorter, and never by trusting it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TypeAlias

from av.packet import Packet
from av.video.stream import VideoStream

from deployments.errors import CorruptMediaError
from deployments.media.container import OpenContainer, ffmpeg_errors, open_container
from deployments.media.decode import configure
from deployments.media.packets import NO_TIME, Int64Array, PacketIndex
from deployments.media.scan import demux

VideoPacket: TypeAlias = "Packet[VideoStream]"

_NEAR_BYTES = 2**20
"""Reading on over so many bytes is cheaper than a seek, which throws buffers away."""
_SOUGHT_BY_DECODING_TIME = frozenset({"ts"})
"""Containers whose demuxer compares decoding times when it seeks; the others' indexes hold
presentation times, or decoding times of keyframes, which come no later."""
_PATIENCE_PACKETS = 2_000
"""Packets that a seek may land before the one sought: some minutes where the index is coarse."""


class PacketSource:
    """The packets of one video by their ordinals, mostly forward.

    Args:
        data: The whole file.
        name: Its container.
        max_pixels: Width × height that a frame may have.
        index: Its packets.
    """

    def __init__(self, data: memoryview, name: str, max_pixels: int, index: PacketIndex) -> None:
        self._data = data
        self._name = name
        self._max_pixels = max_pixels
        self._index = index
        self._files = ExitStack()
        self._source: OpenContainer | None = None
        self._packets: Iterator[VideoPacket] = iter(())
        self._next = 0
        self._may_seek = True

    @property
    def source(self) -> OpenContainer:
        """The container; its decoder is configured."""
        return self._source or self._reopen()

    def close(self) -> None:
        """Close the container."""
        self._files.close()
        self._source = None

    def restart(self) -> None:
        """Begin at the file's start, with a new decoder."""
        self._reopen()

    def read(self, ordinals: Int64Array) -> Iterator[tuple[int, VideoPacket]]:
        """Some packets, ascending, without those between them.

        Raises:
            CorruptMediaError: The file reads otherwise than it did when it was scanned.
        """
        self._go_to(int(ordinals[0]))
        for ordinal in ordinals.tolist():
            while True:
                packet = next(self._packets, None)
                if packet is None or not self._is(packet, self._next):
                    raise CorruptMediaError("The video is damaged: it reads differently each time.")
                self._next += 1
                if self._next > ordinal:
                    break
            yield ordinal, packet

    def _go_to(self, ordinal: int) -> None:
        if self._source is None:
            self._reopen()
        ahead = int(self._index.size[self._next : ordinal].sum())
        if self._next <= ordinal and ahead <= _NEAR_BYTES:
            return
        if self._may_seek:
            if self._seek(ordinal):
                return
            self._may_seek = False
            self._reopen()
        elif self._next > ordinal:
            self._reopen()

    def _seek(self, ordinal: int) -> bool:
        """Whether a packet was found; its like is the next to be read then."""
        time = self._time(ordinal)
        if self._name in _SOUGHT_BY_DECODING_TIME:
            time = int(self._index.dts[ordinal])
        if time == NO_TIME:
            return False
        container = self.source.container
        try:
            with ffmpeg_errors():
                container.seek(time, stream=self.source.stream, backward=True)
            packets = demux(self.source, lenient=True)
            for _ in range(_PATIENCE_PACKETS):
                packet = next(packets, None)
                if packet is None:
                    return False
                if self._is(packet, ordinal):
                    break
            else:
                return False
        except CorruptMediaError:
            return False
        self._packets = _chain(packet, demux(self.source))
        self._next = ordinal
        return True

    def _is(self, packet: VideoPacket, ordinal: int) -> bool:
        """Whether this packet is the one that the scan saw there."""
        if ordinal >= len(self._index.size) or packet.size != self._index.size[ordinal]:
            return False
        time = packet.dts if packet.pts is None else packet.pts
        return (NO_TIME if time is None else time) == self._time(ordinal)

    def _time(self, ordinal: int) -> int:
        pts = int(self._index.pts[ordinal])
        return pts if pts != NO_TIME else int(self._index.dts[ordinal])

    def _reopen(self) -> OpenContainer:
        self.close()
        self._source = self._files.enter_context(
            open_container(self._data, self._name, self._max_pixels)
        )
        configure(self._source)
        self._packets = demux(self._source)
        self._next = 0
        return self._source


def _chain(first: VideoPacket, others: Iterator[VideoPacket]) -> Iterator[VideoPacket]:
    yield first
    yield from others
