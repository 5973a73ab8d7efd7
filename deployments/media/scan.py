"""Reads a container once, from its first packet to its last, without decoding."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from deployments.errors import CorruptMediaError, MediaTooLargeError
from deployments.media.container import OpenContainer, ffmpeg_errors
from deployments.media.disposable import DisposableCounter
from deployments.media.hidden import is_hidden
from deployments.media.packets import NO_TIME, PacketIndex


def demux(source: OpenContainer, *, lenient: bool = False) -> Iterator[Packet[VideoStream]]:
    """The video track's packets in decoding order, up to the end of the file.

    Args:
        source: Where it stands, its start or behind a seek.
        lenient: Let damaged packets pass: a seek may land in the middle of one.

    Raises:
        CorruptMediaError: FFmpeg marked a packet as damaged: bytes missing at its end, or lost
            before it.
        MediaError: See `ffmpeg_errors`.
    """
    with ffmpeg_errors():
        for packet in source.container.demux(source.stream):
            if packet.size == 0 and packet.pts is None and packet.dts is None:
                return  # PyAV's own mark for the end
            if packet.is_corrupt and not lenient:
                raise CorruptMediaError("The video is damaged or cut short: a frame lacks data.")
            yield packet


def scan(source: OpenContainer, promised: int | None, max_frames: int) -> PacketIndex:
    """Lists every packet of the video track.

    Args:
        source: At its start.
        promised: Packets that the container's framing has, see `count_video_packets`.
        max_frames: More are refused.

    Raises:
        CorruptMediaError: Fewer packets than the container promises, or damaged ones.
        MediaTooLargeError: More than ``max_frames``.
    """
    pts, dts, duration, size = array("q"), array("q"), array("q"), array("q")
    keyframe, shown = bytearray(), bytearray()
    disposable = DisposableCounter(source.codec, source.stream.codec_context.extradata)
    for packet in demux(source):
        if len(pts) >= max_frames:
            raise MediaTooLargeError(f"The video has more than {max_frames} frames.")
        pts.append(NO_TIME if packet.pts is None else packet.pts)
        dts.append(NO_TIME if packet.dts is None else packet.dts)
        duration.append(packet.duration or 0)
        size.append(packet.size)
        keyframe.append(packet.is_keyframe)
        data = memoryview(packet)
        disposable.add(data)
        shown.append(
            packet.size > 0 and not packet.is_discard and not is_hidden(source.codec, data)
        )
    present = sum(1 for length in size if length)
    if promised is None and source.container.format.name in ("mp4", "mov"):
        promised = len(source.stream.index_entries)  # the sample table, with edit lists applied
    if promised is not None and present < promised:
        raise CorruptMediaError("The video is damaged or cut short: frames are missing.")
    if not any(shown):
        raise CorruptMediaError("The video has no frame.")
    return PacketIndex(
        time_base=source.stream.time_base or Fraction(1, 1000),
        pts=np.array(pts, np.int64),
        dts=np.array(dts, np.int64),
        duration=np.array(duration, np.int64),
        size=np.array(size, np.int64),
        keyframe=np.frombuffer(keyframe, np.uint8).astype(np.bool_),
        shown=np.frombuffer(shown, np.uint8).astype(np.bool_),
        disposable=disposable.found(),
    )
