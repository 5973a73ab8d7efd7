"""PNG and APNG: chunks with checksums up to IEND (https://www.w3.org/TR/png-3/)."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from itertools import count

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import (
    Outline,
    require_frames,
    require_parts,
    require_pixels,
)

_SIGNATURE_BYTES = 8
_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_ORIENTATION_KEYWORDS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0", b"exif\0", b"xmp\0")


def outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk all chunks up to IEND and check every checksum (Pillow skips those of the pixels).

    Raises:
        CorruptMediaError: A chunk is damaged, missing or out of place, or the number of frames is
            not the one that the file announces.
        MediaTooLargeError: Too many frames or pixels.
        struct.error: The data ends within a chunk.
    """
    view = memoryview(data)
    position = _SIGNATURE_BYTES
    announced_frames: int | None = None
    display_seconds: list[Fraction] = []
    pixels_seen = late_orientation = False
    for chunk in count():
        require_parts(chunk)
        length, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        (checksum,) = struct.unpack_from(">I", data, body + length)
        if zlib.crc32(view[position + 4 : body + length]) != checksum:
            raise CorruptMediaError("The PNG is damaged: a checksum in it does not match.")
        if (kind == b"IHDR") != (position == _SIGNATURE_BYTES):
            raise CorruptMediaError("The PNG is damaged: it must begin with its only header.")
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", data, body)
            require_pixels(width, height, limits)
        elif kind == b"acTL":
            if announced_frames is not None or pixels_seen:
                raise CorruptMediaError("The APNG is damaged: its frame count is out of place.")
            (announced_frames,) = struct.unpack_from(">I", data, body)
            require_frames(announced_frames, limits)
        elif kind == b"fcTL":
            display_seconds.append(_display_seconds(*struct.unpack_from(">HH", data, body + 20)))
            require_frames(len(display_seconds), limits)
        elif kind == b"IDAT":
            if announced_frames is not None and not display_seconds:
                # A default image before the first frame is shown by Pillow as a frame of its own,
                # for no time.
                display_seconds.append(Fraction(0))
                announced_frames += 1
            pixels_seen = True
        elif kind == b"IEND":
            break
        elif pixels_seen:
            late_orientation |= kind == b"eXIf" or (
                kind in _TEXT_CHUNKS and data.startswith(_ORIENTATION_KEYWORDS, body)
            )
        position = body + length + 4
    if not pixels_seen:
        raise CorruptMediaError("The PNG is damaged: it has no pixels.")
    if announced_frames != (len(display_seconds) or None):
        raise CorruptMediaError(
            f"The APNG is damaged: it announces {announced_frames or 0} frames "
            f"and has {len(display_seconds)}."
        )
    if not display_seconds:
        return Outline(late_orientation=late_orientation)
    return Outline(len(display_seconds), tuple(display_seconds), late_orientation)


def _display_seconds(numerator: int, denominator: int) -> Fraction:
    """A frame's delay; a denominator of 0 stands for 100 (section 11.3.6.2)."""
    return Fraction(numerator, denominator or 100)
