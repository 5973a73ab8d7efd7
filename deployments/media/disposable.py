"""Packets whose frame no other frame is predicted from, so that it may be left undecoded.

Told from the first bytes of each slice or picture. Where these do not tell it cheaply (VP8, VP9
and AV1 say it in entropy-coded headers, and carry probabilities over), nothing is told.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

import numpy as np

from deployments.media.packets import BoolArray

_MOST_UNITS = 128
"""Units of a packet that are looked at. A packet with more of them counts as needed: it is either
odd or made to keep us busy."""
_START_CODE = b"\0\0\1"

_NEEDED = -1
"""Level of a packet that others may need; −1 − n in temporal layer n. Else the level is the
packet's temporal layer, 0 and up."""


class DisposableCounter:
    """Takes a video's packets one by one, and then says which ones nothing else needs.

    Args:
        codec: FFmpeg's name.
        extradata: The decoder's configuration, as the container has it.
    """

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self._level_of = _reader(codec, extradata)
        self._levels = array("b")

    def add(self, packet: memoryview) -> None:
        """The next packet in decoding order, ``[N]`` bytes."""
        if self._level_of is not None:
            self._levels.append(self._level_of(packet))

    def found(self) -> BoolArray | None:
        """``[P]``; None where the codec does not tell.

        HEVC's sub-layer non-reference pictures may still be needed by higher temporal layers
        (H.265, 3.157), so only those of the highest one count.
        """
        if self._level_of is None:
            return None
        levels = np.frombuffer(self._levels, np.int8)
        layers = np.where(levels < 0, -1 - levels, levels)
        return np.asarray((levels >= 0) & (layers == layers.max(initial=0)), np.bool_)


def _reader(codec: str, extradata: bytes | None) -> Callable[[memoryview], int] | None:
    if codec == "h264":
        prefix = _prefix_bytes(extradata, at=4, shortest=7)
        return lambda packet: _h264(_units(packet, prefix))
    if codec == "hevc":
        prefix = _prefix_bytes(extradata, at=21, shortest=23)
        return lambda packet: _hevc(_units(packet, prefix))
    if codec in ("mpeg2video", "mpeg1video"):
        return _mpeg2
    if codec == "mpeg4":
        return _mpeg4
    return None


def _prefix_bytes(extradata: bytes | None, at: int, shortest: int) -> int:
    """Bytes of each unit's length, from ``avcC`` or ``hvcC`` (ISO/IEC 14496-15, 5.3.3.1 and
    8.3.3.1); 0 where units are set apart by start codes.
    """
    if not extradata or len(extradata) < shortest or extradata[0] != 1:
        return 0
    return (extradata[at] & 3) + 1


def _units(packet: memoryview, prefix_bytes: int) -> Iterator[tuple[int, int]]:
    """The first two bytes of every NAL unit; ends early where the packet is malformed."""
    if prefix_bytes:
        at = 0
        while at + prefix_bytes + 2 <= len(packet):
            length = int.from_bytes(packet[at : at + prefix_bytes], "big")
            at += prefix_bytes
            if length >= 2:
                yield packet[at], packet[at + 1]
            at += length
        return
    for at in _after_start_codes(packet):
        if at + 2 <= len(packet):
            yield packet[at], packet[at + 1]


def _after_start_codes(packet: memoryview) -> Iterator[int]:
    data = bytes(packet)
    at = data.find(_START_CODE)
    while at >= 0:
        yield at + len(_START_CODE)
        at = data.find(_START_CODE, at + len(_START_CODE))


def _h264(units: Iterator[tuple[int, int]]) -> int:
    """``nal_ref_idc`` is 0 in every slice (H.264, 7.4.1)."""
    slices = 0
    for count, (first, _) in enumerate(units):
        if count >= _MOST_UNITS:
            return _NEEDED
        if 1 <= first & 0x1F <= 5:
            slices += 1
            if first & 0x60:
                return _NEEDED
    return 0 if slices else _NEEDED


def _hevc(units: Iterator[tuple[int, int]]) -> int:
    """Every slice's type is one of the even ones below 16 (H.265, table 7-1: ``…_N``)."""
    layer = _NEEDED
    for count, (first, second) in enumerate(units):
        if count >= _MOST_UNITS:
            return _NEEDED
        unit_type = first >> 1 & 0x3F
        if unit_type < 32:  # a slice
            layer = max(0, (second & 7) - 1)
            if unit_type >= 16 or unit_type % 2:
                return _NEEDED - layer
    return layer


def _mpeg2(packet: memoryview) -> int:
    """``picture_coding_type`` is B (H.262, 6.3.9), in every picture of the packet."""
    return _pictures(packet, code=0x00, is_b=lambda data: data[1] >> 3 & 7 == 3)


def _mpeg4(packet: memoryview) -> int:
    """``vop_coding_type`` is B (ISO/IEC 14496-2, 6.3.5), in every plane of the packet."""
    return _pictures(packet, code=0xB6, is_b=lambda data: data[0] >> 6 == 2)


def _pictures(packet: memoryview, code: int, is_b: Callable[[memoryview], bool]) -> int:
    pictures = 0
    for at in _after_start_codes(packet):
        if at + 3 > len(packet) or packet[at] != code:
            continue
        pictures += 1
        if pictures > _MOST_UNITS or not is_b(packet[at + 1 :]):
            return _NEEDED
    return 0 if pictures else _NEEDED
