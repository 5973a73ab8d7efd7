"""MPEG transport streams: packets of 188 bytes (ISO/IEC 13818-1, section 2.4.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deployments.errors import CorruptMediaError, UnsupportedMediaError

_PACKET, _SYNC = 188, 0x47
_LAYOUTS = ((188, 0), (192, 4))
"""(stride, offset of the packet in it): plain, and with a time stamp in front (M2TS)."""
_PACKETS_A_STEP = 2**18
"""Packets looked at in one vectorised step: bounds the memory of the masks."""


def walk(data: memoryview) -> None:
    """Checks the packets' frame, and that one elementary stream alone carries video.

    Lost packets in between show in the continuity counters, which FFmpeg checks.

    Raises:
        CorruptMediaError, UnsupportedMediaError: See `count_video_packets`.
    """
    stride, offset = _layout(data)
    if len(data) % stride:
        raise CorruptMediaError("The video file ends inside a packet: it was cut short.")
    rows = np.frombuffer(data, np.uint8).reshape(-1, stride)[:, offset : offset + _PACKET]
    video: set[int] = set()
    for start in range(0, len(rows), _PACKETS_A_STEP):
        packets = rows[start : start + _PACKETS_A_STEP]
        if (packets[:, 0] != _SYNC).any():
            raise CorruptMediaError(
                "The video file is damaged: a packet does not start in its place."
            )
        if (packets[:, 1] & 0x80).any():
            raise CorruptMediaError("The video file is damaged: its receiver marked lost packets.")
        video |= _video_streams(packets)
    if len(video) > 1:
        raise UnsupportedMediaError("The video has several video tracks; send one track.")


def _layout(data: memoryview) -> tuple[int, int]:
    for stride, offset in _LAYOUTS:
        places = range(offset, min(len(data), 5 * stride), stride)
        if places and all(data[place] == _SYNC for place in places):
            return stride, offset
    raise CorruptMediaError("The video file is damaged: a packet does not start in its place.")


def _video_streams(packets: npt.NDArray[np.uint8]) -> set[int]:
    """PIDs on which a video PES packet (stream_id 0xE0…0xEF) starts."""
    starts = packets[(packets[:, 1] & 0x40 != 0) & (packets[:, 3] & 0x10 != 0)]
    field = np.where(starts[:, 3] & 0x20, starts[:, 4].astype(int) + 1, 0)
    starts, payload = starts[field <= _PACKET - 8], 4 + field[field <= _PACKET - 8]
    row = np.arange(len(starts))
    head = np.stack([starts[row, payload + i] for i in range(4)], axis=1)
    is_video = (head[:, :3] == (0, 0, 1)).all(axis=1) & (head[:, 3] & 0xF0 == 0xE0)
    pids = ((starts[is_video, 1] & 0x1F).astype(int) << 8) | starts[is_video, 2]
    return {int(pid) for pid in np.unique(pids)}
