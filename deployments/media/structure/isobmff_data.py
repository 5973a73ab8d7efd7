"""Where the coded data of an AVIF lie: its items (ISO/IEC 14496-12, 8.11) and samples (8.5–8.7)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import require_frames, require_parts

Span = tuple[int, int]
"""Start and end in the file."""
Boxes = Callable[[bytes, int, int], Iterator[tuple[bytes, Span]]]
"""Type and contents of each box between two places."""


def item_data(data: bytes, meta: Span, boxes: Boxes, kind: bytes) -> Iterator[bytes]:
    """The data of all items of one type.

    Args:
        data: The file.
        meta: Contents of its ``meta`` box.
        boxes: Walks boxes.
        kind: The type, as ``av01``.

    Raises:
        CorruptMediaError: An item lies outside the file, or items share so much that they could
            keep us reading for hours.
        struct.error: A table is cut off.
    """
    # A file that has one of them twice is damaged or built to have us look at the other.
    found: dict[bytes, Span] = {}
    for name, span in boxes(data, meta[0] + 4, meta[1]):
        if name in (b"iinf", b"iloc", b"idat"):
            if name in found:
                raise CorruptMediaError("The AVIF is damaged: one of its tables comes twice.")
            found[name] = span
    if b"iinf" not in found or b"iloc" not in found:
        return
    wanted = set(_items_of(data, found[b"iinf"], boxes, kind))
    idat = found.get(b"idat", (0, 0))
    for item, in_idat, extents in _locations(data, found[b"iloc"]):
        if item in wanted:
            start, end = idat if in_idat else (0, len(data))
            yield b"".join(_part(data, start, end, *extent) for extent in extents)


def _items_of(data: bytes, iinf: Span, boxes: Boxes, kind: bytes) -> Iterator[int]:
    start, end = iinf
    first = start + (6 if data[start] == 0 else 8)
    for name, (body, _) in boxes(data, first, end):
        if name == b"infe" and data[body] in (2, 3):
            item, _, found = struct.unpack_from(
                ">HH4s" if data[body] == 2 else ">IH4s", data, body + 4
            )
            if found == kind:
                yield item


def _locations(data: bytes, iloc: Span) -> Iterator[tuple[int, bool, list[tuple[int, int]]]]:
    """Item, whether it lies in ``idat``, and offset and length of its extents (8.11.3)."""
    position = iloc[0]
    version = data[position]
    sizes, more_sizes = data[position + 4], data[position + 5]
    offset_bytes, length_bytes, base_bytes = sizes >> 4, sizes & 15, more_sizes >> 4
    index_bytes = more_sizes & 15 if version in (1, 2) else 0
    reader = _Numbers(data, position + 6)
    identity = 4 if version == 2 else 2
    items = reader.read(identity)
    require_parts(items)
    for _ in range(items):
        item = reader.read(identity)
        method = reader.read(2) & 15 if version in (1, 2) else 0
        reader.read(2)  # data_reference_index
        base = reader.read(base_bytes)
        extents = []
        extent_count = reader.read(2)
        if extent_count > 1 and not index_bytes + offset_bytes + length_bytes:
            raise CorruptMediaError("The image file is damaged: one of its tables is impossible.")
        for _ in range(extent_count):
            reader.read(index_bytes)
            offset = reader.read(offset_bytes)
            extents.append((base + offset, reader.read(length_bytes)))
        yield item, method == 1, extents


def _part(data: bytes, start: int, end: int, offset: int, length: int) -> bytes:
    last = start + offset + length if length else end
    if last > end:
        raise CorruptMediaError("The image file is truncated: a part of its pixels is missing.")
    return data[start + offset : last]


class _Numbers:
    """Reads unsigned numbers of given lengths in sequence."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def read(self, size: int) -> int:
        """The next ``size`` bytes as a number.

        Raises:
            CorruptMediaError: The file ends before.
        """
        end = self._position + size
        if end > len(self._data):
            raise CorruptMediaError("The image file is truncated: one of its tables is cut off.")
        number = int.from_bytes(self._data[self._position : end], "big")
        self._position = end
        return number


def sample_data(data: bytes, tables: dict[bytes, Span], limits: MediaLimits) -> Iterator[bytes]:
    """The data of all samples of a track, in the order of its chunks.

    Args:
        data: The file.
        tables: Contents of the boxes in its ``stbl`` box.
        limits: Bounds on frames.

    Raises:
        CorruptMediaError: A table is missing, or a sample lies outside the file.
        MediaTooLargeError: Too many samples.
        struct.error: A table is cut off.
    """
    for name in (b"stsz", b"stsc"):
        if name not in tables:
            raise CorruptMediaError("The image file is damaged: one of its boxes is missing.")
    at = tables[b"stsz"][0]
    same_size, samples = struct.unpack_from(">II", data, at + 4)
    require_frames(samples, limits)
    chunks = _chunk_offsets(data, tables)
    per_chunk = _samples_per_chunk(data, tables[b"stsc"][0], len(chunks))
    sample = 0
    for position, count in zip(chunks, per_chunk, strict=True):
        for _ in range(min(count, samples - sample)):
            size = same_size
            if not same_size:
                (size,) = struct.unpack_from(">I", data, at + 12 + 4 * sample)
            yield _part(data, 0, len(data), position, size) if size else b""
            position += size
            sample += 1


def _chunk_offsets(data: bytes, tables: dict[bytes, Span]) -> tuple[int, ...]:
    for name, code in ((b"stco", "I"), (b"co64", "Q")):
        if name in tables:
            at = tables[name][0]
            (count,) = struct.unpack_from(">I", data, at + 4)
            if at + 8 + count * struct.calcsize(code) > len(data):
                break
            return struct.unpack_from(f">{count}{code}", data, at + 8)
    raise CorruptMediaError("The image file is damaged: one of its boxes is missing.")


def _samples_per_chunk(data: bytes, at: int, chunks: int) -> Iterator[int]:
    """The run-length coded table ``stsc``, unrolled."""
    (entries,) = struct.unpack_from(">I", data, at + 4)
    if at + 8 + 12 * entries > len(data):
        raise CorruptMediaError("The image file is truncated: one of its tables is cut off.")
    runs = [struct.unpack_from(">II", data, at + 8 + 12 * entry) for entry in range(entries)]
    for (first, count), (following, _) in pairwise([*runs, (chunks + 1, 0)]):
        for _ in range(max(0, following - first)):
            yield count
