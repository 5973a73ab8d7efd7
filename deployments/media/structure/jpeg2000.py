"""JPEG 2000: boxes around a codestream of tile-parts (ISO/IEC 15444-1, annexes A and I)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from deployments.errors import CorruptMediaError, MediaTooLargeError, UnsupportedMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.jpeg2000_style import (
    COMPONENT_STYLE,
    STYLE,
    TileGrid,
    require_style,
)
from deployments.media.structure.outline import Outline, require_pixels

_START = b"\xff\x4f"
_SIZE = 0xFF51
_TILE_PART = 0xFF90
_TILE_DATA = 0xFF93
_END = b"\xff\xd9"
_MAX_COMPONENTS = 4
_MAX_TILES = 2**13
"""The standard allows 65,535 (table A.5), of which a file of a megabyte makes OpenJPEG keep 700 MB;
100 megapixels in tiles of 128×128 have 6,104."""


@dataclass(frozen=True, slots=True)
class _MainHeader:
    width: int
    height: int
    tiles: int
    grid: TileGrid


def outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk the codestream from its start to its end marker; every tile must be there.

    OpenJPEG fills what is missing with grey and warns; the warning does not reach Pillow.

    Raises:
        CorruptMediaError: A box, a marker or a tile is damaged or missing.
        MediaTooLargeError: Too many pixels, or too many tiles, precincts or code-blocks.
        UnsupportedMediaError: More components than a colour image has.
        struct.error, IndexError: The data ends within a marker segment.
    """
    if data.startswith(_START):
        start, end, declared = 0, len(data), None
    else:
        start, end, declared = _codestream(data)
    header, position = _main_header(data, start, limits)
    if declared not in (None, (header.height, header.width)):
        raise CorruptMediaError("The JPEG 2000 image is damaged: its headers disagree on its size.")
    missing = set(range(header.tiles))
    while data[position : position + 2] != _END:
        marker, _, tile, part_bytes = struct.unpack_from(">HHHI", data, position)
        if marker != _TILE_PART or tile >= header.tiles:
            raise CorruptMediaError("The JPEG 2000 image is damaged or truncated.")
        missing.discard(tile)
        _check_tile_header(data, position + 12, header.grid)
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


def _main_header(data: bytes, start: int, limits: MediaLimits) -> tuple[_MainHeader, int]:
    """What it says, and the position of the first tile-part."""
    position = start + len(_START)
    header: _MainHeader | None = None
    while True:
        marker, length = struct.unpack_from(">HH", data, position)
        if marker == _TILE_PART and header is not None:
            return header, position
        if marker == _SIZE and header is None:
            header = _picture(data, position + 4)
            require_pixels(header.width, header.height, limits)
        _check_segment(data, position, header.grid if header else None)
        position += 2 + length


def _picture(data: bytes, body: int) -> _MainHeader:
    right, bottom, left, top, *tile = struct.unpack_from(">8I", data, body + 2)
    (components,) = struct.unpack_from(">H", data, body + 34)
    if components > _MAX_COMPONENTS:
        raise UnsupportedMediaError(
            f"The JPEG 2000 image has {components} components; "
            f"at most {_MAX_COMPONENTS} make a colour image."
        )
    tile_width, tile_height, tile_left, tile_top = tile
    columns = -(-(right - tile_left) // tile_width)
    rows = -(-(bottom - tile_top) // tile_height)
    if columns < 1 or rows < 1:
        raise CorruptMediaError("The JPEG 2000 image is damaged: its tiling is impossible.")
    if columns * rows > _MAX_TILES:
        raise MediaTooLargeError(f"The JPEG 2000 image has more than {_MAX_TILES:,} tiles.")
    width, height = right - left, bottom - top
    grid = TileGrid(min(tile_width, width), min(tile_height, height), components)
    return _MainHeader(width, height, columns * rows, grid)


def _check_tile_header(data: bytes, position: int, grid: TileGrid) -> None:
    """Walk the segments in front of a tile-part's data; they may change the coding style."""
    while True:
        (marker,) = struct.unpack_from(">H", data, position)
        if marker == _TILE_DATA:
            return
        _check_segment(data, position, grid)
        (length,) = struct.unpack_from(">H", data, position + 2)
        position += 2 + length


def _check_segment(data: bytes, position: int, grid: TileGrid | None) -> None:
    marker, length = struct.unpack_from(">HH", data, position)
    if marker < 0xFF00 or length < 2:
        raise CorruptMediaError("The JPEG 2000 image is damaged or truncated.")
    if marker in (STYLE, COMPONENT_STYLE):
        if grid is None:
            raise CorruptMediaError("The JPEG 2000 image is damaged: its size is out of place.")
        require_style(marker, data[position + 4 : position + 2 + length], grid)
