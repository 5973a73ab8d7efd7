"""Orientation: reading it from metadata, and turning pixels."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from deployments.media.orientation import orientation, upright
from tests.assets.images import picture


def exif(value: int, prefix: bytes = b"") -> bytes:
    made = Image.Exif()
    made[ExifTags.Base.Make] = "a camera"
    made[ExifTags.Base.Orientation] = value
    return prefix + made.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("size", [(5, 3), (1, 1), (1, 40), (40, 1)])
def test_turning_equals_pillow(value: int, size: tuple[int, int]) -> None:
    image = picture(size)
    image.getexif()[ExifTags.Base.Orientation] = value
    turned = upright(np.asarray(image), value)
    np.testing.assert_array_equal(turned, np.asarray(ImageOps.exif_transpose(image)))
    assert turned.flags.c_contiguous
    assert turned.ndim == 3


def test_upright_pixels_are_not_copied() -> None:
    pixels = np.asarray(picture())
    assert upright(pixels, 1) is pixels


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_exif_is_read_with_and_without_its_prefix(value: int, prefix: bytes) -> None:
    assert orientation(exif(value, prefix), None) == value


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
def test_exif_is_read_in_both_byte_orders(order: str, kind: int) -> None:
    head = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, 1)
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *((6, 0) if kind == 3 else (6,)))
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    assert orientation(head + entry + bytes(4), None) == 6


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_value_without_meaning_is_upright(value: int) -> None:
    assert orientation(exif(value), b'tiff:Orientation="6"') == 1


@pytest.mark.parametrize(
    "xmp", [b'tiff:Orientation="8"', b"<tiff:Orientation>8</tiff:Orientation>"]
)
def test_xmp_counts_where_exif_says_nothing(xmp: bytes) -> None:
    assert orientation(None, xmp) == 8
    assert orientation(exif(3), xmp) == 3


def test_damaged_exif_is_upright() -> None:
    whole = exif(6)
    for length in range(len(whole)):
        assert orientation(whole[:length], None) in (1, 6)
    assert orientation(b"Exif\0\0garbage", None) == 1
    assert orientation(b"II*\0\xff\xff\xff\xff", None) == 1
    assert orientation(None, None) == 1
