"""How a picture must be turned to stand upright: read from EXIF or XMP, applied to pixels."""

from __future__ import annotations

import re
import struct

import cv2
import numpy as np

from deployments.types import Frame

_EXIF_PREFIX = re.compile(rb"^(Exif\x00\x00){1,2}")
_ORIENTATION_TAG = 0x0112
_INTEGER_CODES = {3: "H", 4: "I", 8: "h", 9: "i"}
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes | None, xmp: bytes | None) -> int:
    r"""The EXIF orientation, 1…8, as Pillow's ``exif_transpose`` understands it.

    XMP counts only where EXIF has no orientation. What cannot be read means upright (1), as in
    browsers: damaged metadata do not make pixels unreadable.

    Args:
        exif: A TIFF structure, with or without the prefix ``Exif\0\0``.
        xmp: An XMP packet.
    """
    value = _from_exif(exif) if exif else None
    if value is None and xmp and (found := _XMP_ORIENTATION.search(xmp)):
        value = int(found[1])
    return value if value is not None and 1 <= value <= 8 else 1


def _from_exif(exif: bytes) -> int | None:
    """The orientation in the first image file directory (EXIF 2.32, section 4.6.4)."""
    tiff = _EXIF_PREFIX.sub(b"", exif)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    value: int | None = None
    try:
        (position,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, position)
        for entry in range(position + 2, position + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, entry)
            if tag == _ORIENTATION_TAG and count == 1 and kind in _INTEGER_CODES:
                (value,) = struct.unpack_from(f"{order}{_INTEGER_CODES[kind]}", tiff, entry + 8)
    except struct.error:  # cut off: what was found so far holds
        return value
    return value


def upright(pixels: Frame, value: int) -> Frame:
    """Turn and mirror a picture so that it stands upright.

    Args:
        pixels: ``[H, W, 3]`` uint8 as they are stored.
        value: EXIF orientation, 1…8 (EXIF 2.32, section 4.6.4).

    Returns:
        ``[H, W, 3]``, or ``[W, H, 3]`` for 5…8; C-contiguous; the argument itself for 1.
    """
    match value:
        case 2:
            turned = cv2.flip(pixels, 1)
        case 3:
            turned = cv2.rotate(pixels, cv2.ROTATE_180)
        case 4:
            turned = cv2.flip(pixels, 0)
        case 5:
            turned = cv2.transpose(pixels)
        case 6:
            turned = cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            turned = cv2.flip(cv2.transpose(pixels), -1)
        case 8:
            turned = cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE)
        case _:
            return pixels
    return np.asarray(turned, dtype=np.uint8)
