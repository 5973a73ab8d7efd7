"""FLV: tags one after the other (Adobe FLV 10.1, annex E; Enhanced RTMP v2 for extended codecs)."""

from __future__ import annotations

from struct import unpack_from

from deployments.errors import CorruptMediaError, UnsupportedMediaError

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_COMMAND_FRAME = 5
_AVC, _HEVC = 7, 12
"""Codecs whose second byte tells headers (0), frames (1) and the end of the sequence (2) apart."""
_EXTENDED_FRAMES, _EXTENDED_MULTITRACK = (1, 3), 6


def walk(data: memoryview) -> int:
    """Video tags that carry a frame.

    Raises:
        CorruptMediaError, UnsupportedMediaError: See `count_video_packets`.
    """
    if len(data) < 9:
        raise CorruptMediaError("The video file ends inside its header: it was cut short.")
    (position,) = unpack_from(">I", data, 5)
    position += 4  # PreviousTagSize0
    packets, codecs = 0, set()
    while position < len(data):
        if position + 11 > len(data):
            raise CorruptMediaError("The video file ends inside a tag header: it was cut short.")
        kind, size_high, size_low = unpack_from(">BBH", data, position)
        if kind not in (_AUDIO, _VIDEO, _SCRIPT):
            raise CorruptMediaError("The video file is damaged: a tag is of no known type.")
        body, size = position + 11, (size_high << 16) + size_low
        # The size that follows each tag may be missing after the last one.
        if body + size > len(data) or body + size < len(data) < body + size + 4:
            raise CorruptMediaError("The video file ends inside a tag: it was cut short.")
        if kind == _VIDEO and size > 0:
            codec, is_frame = _video_tag(data[body : body + size])
            packets += is_frame
            codecs.add(codec)
        position = body + size + 4
    if len(codecs - {None}) > 1:
        raise UnsupportedMediaError("The video changes its codec in the middle of the file.")
    return packets


def _video_tag(body: memoryview) -> tuple[bytes | int | None, bool]:
    """The codec (None where the tag does not say) and whether the tag carries a frame."""
    first = body[0]
    if first & 0x80:
        if first & 0x0F == _EXTENDED_MULTITRACK:
            raise UnsupportedMediaError("The video has several video tracks; send one track.")
        if len(body) < 5:
            return None, False
        return bytes(body[1:5]), first & 0x0F in _EXTENDED_FRAMES and len(body) > 5
    frame_type, codec = first >> 4, first & 0x0F
    if frame_type == _COMMAND_FRAME:
        return None, False
    if codec in (_AVC, _HEVC):
        return codec, len(body) > 5 and body[1] == 1
    return codec, len(body) > 1
