"""AVIF and HEIC: boxes of the ISO base media file format (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.av1 import checked_units
from deployments.media.structure.isobmff_data import item_data, sample_data
from deployments.media.structure.outline import Outline, require_frames, require_parts

_ONCE = frozenset(
    {b"meta", b"moov", b"mdia", b"hdlr", b"mdhd", b"minf", b"stbl"}
    | {b"stts", b"stsz", b"stsc", b"stco", b"co64"}
)
"""Boxes of which there is one where they stand, by the standard."""


def heic_outline(data: bytes, _limits: MediaLimits) -> Outline:
    """Walk the top-level boxes. One frame: the primary image is what viewers show of a HEIC.

    Raises:
        CorruptMediaError: A box is damaged or missing.
        struct.error: The data ends within a box.
    """
    _require(b"meta", _by_kind(_boxes(data, 0, len(data))))
    return Outline()


def avif_outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk the top-level boxes, and the picture track where the file shows a sequence.

    Raises:
        CorruptMediaError: A box is damaged or missing.
        MediaTooLargeError: Too many frames, or pixels in what is coded.
        struct.error: The data ends within a box.
    """
    boxes = _by_kind(_boxes(data, 0, len(data)))
    _check_coded_pixels(data, boxes, limits)
    # libavif shows the tracks of a file whose major brand is "avis", the primary item of one that
    # says "avif", and of others the tracks where they have any (avifDecoderReset in src/read.c).
    brand = data[8:12]
    if brand == b"avif" or (brand != b"avis" and b"moov" not in boxes):
        _require(b"meta", boxes)
        return Outline()
    for kind, track in _boxes(data, *_require(b"moov", boxes)):
        if kind == b"trak" and _handler(data, track) == b"pict":
            display_seconds = _display_seconds(data, track, limits)
            return Outline(len(display_seconds), display_seconds)
    raise CorruptMediaError("The AVIF is damaged: its sequence has no picture track.")


def _check_coded_pixels(
    data: bytes, boxes: dict[bytes, tuple[int, int]], limits: MediaLimits
) -> None:
    # Twice: the first sample of a sequence is an item as well, for readers of still images.
    unread_bytes = 2 * len(data)
    units = 0
    for piece in _coded_pieces(data, boxes, limits):
        unread_bytes -= len(piece)
        if unread_bytes < 0:  # a small file could keep us reading for hours
            raise CorruptMediaError("The AVIF is damaged: its pictures overlap.")
        for _ in checked_units(piece, limits):
            units += 1
            require_parts(units)


def _coded_pieces(
    data: bytes, boxes: dict[bytes, tuple[int, int]], limits: MediaLimits
) -> Iterator[bytes]:
    """What the file's AV1 decoders may get to see."""
    if b"meta" in boxes:
        yield from item_data(data, boxes[b"meta"], _boxes, b"av01")
    for kind, track in _boxes(data, *boxes.get(b"moov", (0, 0))):
        if kind == b"trak":
            tables = _find(data, track, b"mdia", b"minf", b"stbl")
            yield from sample_data(data, _by_kind(_boxes(data, *tables)), limits)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Type, and start and end of the contents, of every box from ``start`` to ``end``."""
    position, boxes = start, 0
    while position < end:
        boxes += 1
        require_parts(boxes)
        size, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        box_end = end if size == 0 else position + size
        if box_end < body or box_end > end:
            raise CorruptMediaError("The image file is truncated: one of its boxes is cut off.")
        yield kind, (body, box_end)
        position = box_end


def _by_kind(boxes: Iterator[tuple[bytes, tuple[int, int]]]) -> dict[bytes, tuple[int, int]]:
    """Contents by type.

    Raises:
        CorruptMediaError: One that matters comes twice: the decoder might look at the other.
    """
    found: dict[bytes, tuple[int, int]] = {}
    for kind, contents in boxes:
        if kind in _ONCE and kind in found:
            raise CorruptMediaError("The image file is damaged: one of its boxes comes twice.")
        found[kind] = contents
    return found


def _require(kind: bytes, boxes: dict[bytes, tuple[int, int]]) -> tuple[int, int]:
    if kind not in boxes:
        raise CorruptMediaError("The image file is damaged: one of its boxes is missing.")
    return boxes[kind]


def _find(data: bytes, within: tuple[int, int], *path: bytes) -> tuple[int, int]:
    """Start and end of the contents of the box at the end of a path of types."""
    for kind in path:
        within = _require(kind, _by_kind(_boxes(data, *within)))
    return within


def _handler(data: bytes, track: tuple[int, int]) -> bytes:
    body, _ = _find(data, track, b"mdia", b"hdlr")
    return data[body + 8 : body + 12]


def _display_seconds(
    data: bytes, track: tuple[int, int], limits: MediaLimits
) -> tuple[Fraction, ...]:
    """How long each sample shows: the ``stts`` table over the media's time scale."""
    header, _ = _find(data, track, b"mdia", b"mdhd")
    (timescale,) = struct.unpack_from(">I", data, header + (20 if data[header] == 1 else 12))
    table, _ = _find(data, track, b"mdia", b"minf", b"stbl", b"stts")
    (entries,) = struct.unpack_from(">I", data, table + 4)
    display_seconds: list[Fraction] = []
    for entry in range(entries):
        samples, ticks = struct.unpack_from(">II", data, table + 8 + 8 * entry)
        require_frames(len(display_seconds) + samples, limits)
        display_seconds += [Fraction(ticks, timescale)] * samples
    return tuple(display_seconds)
