"""JPEG 2000: boxes around a codestream of tile-parts (ISO/IEC 15444-1, annexes A and I)."""

from __future__ import annotations

import struct

from deployments.errors import CorruptMediaError, UnsupportedMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import Outline, require_pixels

_START = b"\xff\x4f"
_SIZE = 0xFF51
_TILE_PART = 0xFF90
_END = b"\xff\xd9"
_MAX_COMPONENTS = 4
_MAX_TILES = 65_535
"""A tile's index has 16 bits, and its last value is reserved (table A.5)."""


def outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk the codestream from its start to its end marker; every tile must be there.

    OpenJPEG fills what is missing with grey and warns; the warning does not reach Pillow.

    Raises:
        CorruptMediaError: A box, a marker or a tile is damaged or missing.
        MediaTooLargeError: Too many pixels.
        UnsupportedMediaError: More components than a colour image has.
        struct.error, IndexError: The data ends within a marker segment.
    """
    if data.startswith(_START):
        start, end, declared = 0, len(data), None
    else:
        start, end, declared = _codestream(data)
    width, height, tiles, position = _main_header(data, start)
    require_pixels(width, height, limits)
    if declared not in (None, (height, width)):
        raise CorruptMediaError("The JPEG 2000 image is damaged: its headers disagree on its size.")
    missing = set(range(tiles))
    while data[position : position + 2] != _END:
        marker, _, tile, part_bytes = struct.unpack_from(">HHHI", data, position)
        if marker != _TILE_PART or tile >= tiles:
            raise CorruptMediaError("The JPEG 2000 image is damaged or truncated.")
        missing.discard(tile)
        # Length 0: the last part, which reaches to the end marker.
        position = position + part_bytes if part_bytes else end - 2
        if (part_bytes and part_bytes < 14) or position > end - 2:
            raise CorruptMediaError("The JPEG 2000 image is damaged or truncated.")
    if missing:
        raise CorruptMediaError("The JPEG 2000 image is damaged: some of its tiles are missing.")
    return Outline()


def _codestream(data: bytes) -> tuple[int, int, tuple[int, int]]:
    """Start and end of the codestream in a JP2 file, and the (height, width) of its header."""
    declared: tuple[int, int] | None = None
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        end = position + size if size else len(data)
        if end < body or end > len(data):
            raise CorruptMediaError("The JPEG 2000 image is damaged or truncated.")
        if kind == b"jp2h":
            position = body  # a box of boxes; the image header is its first
            continue
        if kind == b"ihdr" and declared is None:
            height, width = struct.unpack_from(">II", data, body)
            declared = height, width
        if kind == b"jp2c" and declared is not None:
            return body, end, declared
        position = end
    raise CorruptMediaError("The JPEG 2000 image is damaged: its pixels are missing.")


def _main_header(data: bytes, start: int) -> tuple[int, int, int, int]:
    """Width, height, number of tiles, and the position of the first tile-part."""
    position = start + len(_START)
    size: tuple[int, int, int] | None = None
    while True:
        marker, length = struct.unpack_from(">HH", data, position)
        if marker == _TILE_PART and size is not None:
            return *size, position
        if marker == _SIZE and size is None:
            right, bottom, left, top, *tile = struct.unpack_from(">8I", data, position + 6)
            (components,) = struct.unpack_from(">H", data, position + 38)
            if components > _MAX_COMPONENTS:
                raise UnsupportedMediaError(
                    f"The JPEG 2000 image has {components} components; "
                    f"at most {_MAX_COMPONENTS} make a colour image."
                )
            tile_width, tile_height, tile_left, tile_top = tile
            columns = -(-(right - tile_left) // tile_width)
            rows = -(-(bottom - tile_top) // tile_height)
            if not 1 <= columns * rows <= _MAX_TILES:
                raise CorruptMediaError("The JPEG 2000 image is damaged: its tiling is impossible.")
            size = right - left, bottom - top, columns * rows
        if marker < 0xFF00 or length < 2:
            raise CorruptMediaError("The JPEG 2000 image is damaged or truncated.")
        position += 2 + length
