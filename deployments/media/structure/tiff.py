"""TIFF and BigTIFF: the chain of image file directories, one a page (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from deployments.errors import CorruptMediaError, UnsupportedMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import (
    Outline,
    require_frames,
    require_pixels,
    require_total_pixels,
)

_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_VALUE_BYTES |= {16: 8, 17: 8, 18: 8}  # BigTIFF
_INTEGER_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}

_BYTE_KINDS = frozenset({1, 2, 7})

_MAX_VALUES = 2**20
"""Numbers that one tag may list: Pillow makes a Python object of each, and a million strips or
tiles is far beyond any real page."""

_WIDTH, _LENGTH, _COMPRESSION = 256, 257, 259
_STRIP_OFFSETS, _STRIP_BYTE_COUNTS = 273, 279
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_TILE_OFFSETS, _TILE_BYTE_COUNTS = 324, 325
_INTEGER_TAGS = frozenset(
    {_WIDTH, _LENGTH, _COMPRESSION, _TILE_WIDTH, _TILE_LENGTH}
    | {_STRIP_OFFSETS, _STRIP_BYTE_COUNTS, _TILE_OFFSETS, _TILE_BYTE_COUNTS}
)

_FAX = frozenset({2, 3, 4, 32771})
"""Compressions of ITU-T T.4 and T.6. Of damage in them libtiff tells nobody but stderr, with a line
for each line of the picture, and goes on with whatever it has."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers are written in this file."""

    order: str
    offset: str
    count: str
    entry_bytes: int

    @property
    def inline_bytes(self) -> int:
        """Values of at most this length stand in the directory entry itself."""
        return struct.calcsize(self.offset)


def outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk all directories; every value and every strip or tile must lie within the file.

    Raises:
        CorruptMediaError: Something lies outside the file, or the chain runs in a circle.
        MediaTooLargeError: Too many pages, or a page that is too large.
        UnsupportedMediaError: A page is coded in a way in which damage goes unnoticed.
        struct.error: The data ends within a directory.
    """
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(f"{order}H", data, 2) == (43,):
        layout, first_at = _Layout(order, f"{order}Q", f"{order}Q", 20), 8
    else:
        layout, first_at = _Layout(order, f"{order}I", f"{order}H", 12), 4
    (position,) = struct.unpack_from(layout.offset, data, first_at)
    seen: set[int] = set()
    unread_bytes = len(data)
    total_pixels = 0
    while position:
        if position in seen:
            raise CorruptMediaError("The TIFF is damaged: its pages run in a circle.")
        seen.add(position)
        require_frames(len(seen), limits)
        tags, next_at, read_bytes = _directory(data, position, layout)
        unread_bytes -= read_bytes
        if unread_bytes < 0:  # a small file could keep us reading for hours
            raise CorruptMediaError("The TIFF is damaged: its directories overlap.")
        _check_page(data, tags, limits)
        total_pixels += tags[_WIDTH][0] * tags[_LENGTH][0]
        require_total_pixels(total_pixels, limits)
        (position,) = struct.unpack_from(layout.offset, data, next_at)
    if not seen:
        raise CorruptMediaError("The TIFF has no page.")
    return Outline(len(seen))


def _directory(
    data: bytes, position: int, layout: _Layout
) -> tuple[dict[int, tuple[int, ...]], int, int]:
    """The integer tags of one directory, where the next one's offset stands, and bytes read."""
    (entries,) = struct.unpack_from(layout.count, data, position)
    position += struct.calcsize(layout.count)
    end = position + entries * layout.entry_bytes
    if end > len(data):
        raise CorruptMediaError("The TIFF is truncated: one of its directories is cut off.")
    read_bytes = end - position
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(position, end, layout.entry_bytes):
        tag, kind = struct.unpack_from(f"{layout.order}HH", data, entry)
        (count,) = struct.unpack_from(layout.offset, data, entry + 4)
        value_at = entry + 4 + layout.inline_bytes
        size = count * _VALUE_BYTES.get(kind, 0)
        if size > layout.inline_bytes:
            (value_at,) = struct.unpack_from(layout.offset, data, value_at)
        if value_at + size > len(data):
            raise CorruptMediaError("The TIFF is truncated: one of its values is cut off.")
        if count > _MAX_VALUES and kind not in _BYTE_KINDS:
            raise CorruptMediaError("The TIFF is damaged: one of its lists is impossibly long.")
        if tag in _INTEGER_TAGS and kind in _INTEGER_CODES:
            code = f"{layout.order}{count}{_INTEGER_CODES[kind]}"
            tags[tag] = struct.unpack_from(code, data, value_at)
            read_bytes += size
    return tags, end, read_bytes


def _check_page(data: bytes, tags: dict[int, tuple[int, ...]], limits: MediaLimits) -> None:
    require_pixels(tags[_WIDTH][0], tags[_LENGTH][0], limits)
    if not _FAX.isdisjoint(tags.get(_COMPRESSION, ())):
        raise UnsupportedMediaError(
            "The TIFF has a page that is compressed as a fax, in which damage cannot be told from "
            "the picture; save it with another compression."
        )
    if _TILE_WIDTH in tags:
        # Memory is reserved for a whole tile, however small the page.
        require_pixels(tags[_TILE_WIDTH][0], tags[_TILE_LENGTH][0], limits)
    for offsets, byte_counts in (
        (_STRIP_OFFSETS, _STRIP_BYTE_COUNTS),
        (_TILE_OFFSETS, _TILE_BYTE_COUNTS),
    ):
        # Some writers leave the byte counts out; then the decoder finds the end by itself.
        for offset, size in zip(tags.get(offsets, ()), tags.get(byte_counts, ()), strict=False):
            if offset + size > len(data):
                raise CorruptMediaError("The TIFF is truncated: a part of its pixels is missing.")
