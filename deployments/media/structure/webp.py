"""WebP: RIFF chunks (https://developers.google.com/speed/webp/docs/riff_container, RFC 9649)."""

from __future__ import annotations

import struct
from fractions import Fraction

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import (
    Outline,
    require_frames,
    require_parts,
    require_pixels,
)

_ANIMATION_FLAG = 0x02

_ANIMATION_CHUNKS = frozenset({b"VP8X", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ", b"C2PA"})
"""Decoders pass over chunks of any other kind; in an animation it could be a damaged frame."""


def outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk all chunks that the RIFF header encloses.

    Raises:
        CorruptMediaError: A chunk is damaged, missing or out of place.
        MediaTooLargeError: Too many frames or pixels.
        struct.error: The data ends within a chunk.
    """
    (riff_bytes,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff_bytes
    if end > len(data):
        raise CorruptMediaError("The WebP is truncated: it is shorter than its header says.")
    extended, flags = data[12:16] == b"VP8X", data[20]
    animated = extended and bool(flags & _ANIMATION_FLAG)
    display_seconds: list[Fraction] = []
    stills = chunks = 0
    position = 12
    while position < end:
        chunks += 1
        require_parts(chunks)
        kind, length = struct.unpack_from("<4sI", data, position)
        body = position + 8
        if body + length > end:
            raise CorruptMediaError("The WebP is truncated: one of its chunks is cut off.")
        if animated and kind not in _ANIMATION_CHUNKS:
            raise CorruptMediaError("The WebP is damaged: one of its chunks is of no known kind.")
        if kind == b"VP8X":
            require_pixels(_uint24(data, body + 4) + 1, _uint24(data, body + 7) + 1, limits)
        elif kind == b"ANMF":
            display_seconds.append(Fraction(_uint24(data, body + 12), 1000))
            require_frames(len(display_seconds), limits)
        elif kind == b"VP8 ":
            stills += 1
            width, height = struct.unpack_from("<HH", data, body + 6)
            require_pixels(width & 0x3FFF, height & 0x3FFF, limits)
        elif kind == b"VP8L":
            stills += 1
            (bits,) = struct.unpack_from("<I", data, body + 1)
            require_pixels((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, limits)
        position = body + length + (length & 1)
    if animated and display_seconds:
        return Outline(len(display_seconds), tuple(display_seconds))
    if animated or display_seconds or stills != 1:
        raise CorruptMediaError("The WebP is damaged: its frames are not what its header says.")
    return Outline()


def _uint24(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 3], "little")
