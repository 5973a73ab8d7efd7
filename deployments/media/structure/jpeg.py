"""JPEG: the segments before the pixels, and the scans (ITU-T T.81, annex B).

Whether the header is sound is libjpeg's to say; this tells what libjpeg does not.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from deployments.errors import CorruptMediaError, MediaTooLargeError

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_STUFFING, _START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0x00, 0xDA, 0xD9, 0xE1
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF_PREFIX = b"Exif\0\0"
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""The next marker behind entropy-coded data: no stuffing, restart or fill byte."""

_MAX_SCANS = 500
"""A few kilobytes of progressive scans can keep a decoder busy for minutes (report LJT-01-004 on
libjpeg-turbo). The bound is libjpeg-turbo's own ``TJFLAG_LIMITSCANS``; cameras write about ten."""

_MAX_SCANNED_PIXELS = 2_500_000_000
"""Pixels of the picture times its scans: 25 scans of 100 megapixels."""

_BASELINE_SCAN = b"\0\x3f\0"
"""Spectral selection 0…63 and no approximation: what a sequential scan must say (table B.3)."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What stands before the first scan."""

    exif: bytes | None = None
    xmp: bytes | None = None
    scan: int | None = None
    """Position of the first scan's marker; None where the header could not be followed to it."""
    pixels: int = 0
    """Width × height that its frame header claims."""
    single_scan: bool = False
    """All pixels are in the first scan: the decoder stops behind it."""


def read_header(data: bytes) -> JpegHeader:
    """Follow the segments up to the first scan, or to the first that makes no sense."""
    exif_parts: list[bytes] = []
    xmp: bytes | None = None
    sequential, components, pixels, scan, single_scan = False, 0, 0, None, False
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        if marker in (_STUFFING, _END_OF_IMAGE):
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        segment = data[position + 4 : position + 2 + length]
        if marker == _START_OF_SCAN:
            scan, single_scan = position, sequential and segment[:1] == bytes([components])
            break
        if marker in _START_OF_FRAME and len(segment) > 5:
            sequential, components = marker in _SEQUENTIAL, segment[5]
            height, width = struct.unpack_from(">HH", segment, 1)
            pixels = width * height
        elif marker == _APP1 and segment.startswith(_EXIF_PREFIX):
            # Longer than one segment: the next ones go on where it ends.
            exif_parts.append(segment[len(_EXIF_PREFIX) :])
        elif marker == _APP1 and segment.startswith(_XMP_PREFIX):
            xmp = segment[len(_XMP_PREFIX) :]
        position += 2 + length
    return JpegHeader(b"".join(exif_parts) or None, xmp, scan, pixels, single_scan)


def require_scans(data: bytes, header: JpegHeader) -> None:
    """Check the number of scans before they are decoded.

    Raises:
        CorruptMediaError: The header cannot be followed, so nobody knows how many there are.
        MediaTooLargeError: More than any camera or editor writes.
    """
    if header.scan is None:
        raise CorruptMediaError("The JPEG is damaged: there is garbage in its header.")
    if header.single_scan:
        return
    scans, position = 0, header.scan
    while found := _MARKER.search(data, position):
        marker, position = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE or position + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, position)
        position += length
        scans += marker == _START_OF_SCAN
        if scans > _MAX_SCANS:
            raise MediaTooLargeError(f"The JPEG has more than {_MAX_SCANS} scans.")
        if scans * header.pixels > _MAX_SCANNED_PIXELS:
            raise MediaTooLargeError(
                f"The JPEG has more scans than are taken of {header.pixels:,} pixels."
            )


def with_baseline_scan(data: bytes, header: JpegHeader) -> bytes:
    """The same JPEG with the parameters that its only scan must have.

    Raises:
        ValueError: The header says that there is more than one scan.
    """
    if header.scan is None or not header.single_scan:
        raise ValueError("not a sequential JPEG of one scan")
    (length,) = struct.unpack_from(">H", data, header.scan + 2)
    end = header.scan + 2 + length
    return b"".join((data[: end - len(_BASELINE_SCAN)], _BASELINE_SCAN, data[end:]))
