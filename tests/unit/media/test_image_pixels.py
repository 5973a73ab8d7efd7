"""Stills: bit-equal to what the image-classification pipeline feeds its processor."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image, ImageOps
from pillow_heif import HeifFile, HeifImageFile

from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.types import ImageFacts
from tests.assets.images import STILL_FORMATS, image_bytes, picture

LIMITS = MediaLimits()
TIFF_COMPRESSIONS = ("raw", "packbits", "tiff_lzw", "tiff_deflate", "jpeg")


def by_pillow(data: bytes) -> npt.NDArray[np.uint8]:
    """What ``transformers.pipeline`` sees."""
    heif = data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1")
    with warnings.catch_warnings():  # Pillow warns that palettes lose their transparency
        warnings.simplefilter("ignore")
        image = HeifImageFile(BytesIO(data)) if heif else Image.open(BytesIO(data))
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def pixels_of(data: bytes) -> npt.NDArray[np.uint8]:
    (frame,) = open_image(data, LIMITS).frames()
    return frame.pixels


def check(data: bytes) -> ImageFacts:
    """Compares pixels and facts; returns the facts."""
    image = open_image(data, LIMITS)
    (frame,) = image.frames()
    np.testing.assert_array_equal(frame.pixels, by_pillow(data))
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert (frame.index, frame.pts_seconds) == (0, 0.0)
    assert frame.pixels.shape == (image.facts.height, image.facts.width, 3)
    return image.facts


@pytest.mark.parametrize("name", STILL_FORMATS)
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (1, 4000), (4000, 1), (37, 53)])
def test_every_format_and_odd_size(name: str, size: tuple[int, int]) -> None:
    facts = check(image_bytes(name, size))
    assert facts == ImageFacts("image", name, size[0], size[1], frames=1)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *product(["png"], ["1", "L", "LA", "P", "RGBA", "I;16"]),
        *product(["webp", "avif", "heic"], ["L", "RGBA"]),
        *product(["bmp"], ["1", "L", "P", "RGBA"]),
        *product(["jpeg2000"], ["L", "LA", "RGBA", "I;16"]),
        *product(["tiff"], ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "LAB", "YCbCr", "F"]),
        *product(["jpeg"], ["L", "CMYK"]),
    ],
)
def test_every_mode(name: str, mode: str) -> None:
    check(image_bytes(name, mode=mode))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "heic", "tiff"])
def test_every_orientation_and_the_size_that_the_facts_tell(name: str, orientation: int) -> None:
    facts = check(image_bytes(name, (40, 24), orientation=orientation))
    assert (facts.width, facts.height) == ((40, 24) if orientation < 5 else (24, 40))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(64, 48), (61, 43)])
def test_jpeg_codings(size: tuple[int, int], subsampling: str, progressive: bool) -> None:
    check(image_bytes("jpeg", size, subsampling=subsampling, progressive=progressive, quality=92))


@pytest.mark.parametrize(
    "options",
    [
        {"keep_rgb": True},
        {"restart_marker_rows": 1},
        {"optimize": True, "comment": b"hello"},
        {"icc_profile": b"not a profile" * 9000},
    ],
)
def test_jpeg_variants(options: Mapping[str, object]) -> None:
    check(image_bytes("jpeg", **options))


def test_ycck_jpeg() -> None:
    cmyk = bytearray(image_bytes("jpeg", mode="CMYK"))
    cmyk[cmyk.index(b"Adobe") + 11] = 2  # the transform: YCCK
    check(bytes(cmyk))


def test_jpeg_with_a_sampling_that_only_libjpeg_knows() -> None:
    grey = bytearray(image_bytes("jpeg", (16, 16), subsampling="4:4:4"))
    frame, scan = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
    for component, sampling in enumerate((0x21, 0x21, 0x11)):
        grey[frame + 11 + 3 * component] = sampling
        grey[scan + 6 + 2 * component] = 0x00
    blocks = "001010" * 10  # each: no difference to the last (00), end of block (1010)
    check(bytes(grey[: scan + 14]) + int(blocks + "1111", 2).to_bytes(8, "big") + b"\xff\xd9")


def test_jpeg_whose_scan_parameters_are_zero_as_some_phones_write() -> None:
    data = image_bytes("jpeg")
    end = data.index(b"\xff\xda") + 14
    check(data[: end - 3] + bytes(3) + data[end:])


def test_jpeg_with_bytes_behind_its_end() -> None:
    check(image_bytes("jpeg") + b"a motion photo's video, \xff\xda\xff\xd8" * 1000)


def test_jpeg_with_several_pictures_is_the_first() -> None:
    file = BytesIO()
    picture().save(file, "MPO", save_all=True, append_images=[picture(seed=1)])
    assert check(file.getvalue()).type == "image"


def test_jpeg_with_xmp_orientation() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    assert check(image_bytes("jpeg", (40, 24), xmp=xmp)).width == 24


def test_jpeg_with_unreadable_exif_is_upright() -> None:
    facts = open_image(image_bytes("jpeg", (40, 24), exif=b"Exif\0\0nonsense"), LIMITS).facts
    assert (facts.width, facts.height) == (40, 24)


@pytest.mark.parametrize("transparency", [0, bytes(range(64))])
def test_palette_with_transparency(transparency: int | bytes) -> None:
    check(image_bytes("png", mode="P", transparency=transparency))


def test_colour_key_transparency() -> None:
    check(image_bytes("png", transparency=(10, 20, 30)))


@pytest.mark.parametrize("place", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("kind", [b"eXIf", b"tEXt", b"iTXt"])
def test_png_orientation_before_and_behind_the_pixels(kind: bytes, place: bytes) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    raw = exif.tobytes().removeprefix(b"Exif\0\0")
    body = {
        b"eXIf": raw,
        b"tEXt": f"Raw profile type exif\0\nexif\n{len(raw):8}\n{raw.hex()}\n".encode(),
        b"iTXt": b'XML:com.adobe.xmp\0\0\0\0\0<a tiff:Orientation="6"/>',
    }[kind]
    data = image_bytes("png", (40, 24))
    at = data.index(place) - 4
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    facts = check(data[:at] + chunk + data[at:])
    assert (facts.width, facts.height) == (24, 40)


@pytest.mark.parametrize(
    ("compression", "mode"),
    [
        pair
        for pair in product(TIFF_COMPRESSIONS, ["RGB", "L", "1", "P", "I;16", "CMYK"])
        if pair[0] != "jpeg" or pair[1] in ("RGB", "L", "CMYK")
    ],
)
def test_tiff_compressions(compression: str, mode: str) -> None:
    check(image_bytes("tiff", mode=mode, compression=compression))


@pytest.mark.parametrize("options", [{"big_tiff": True}, {"mode": "I;16B"}, {"strip_size": 64}])
def test_tiff_layouts(options: Mapping[str, object]) -> None:
    mode = str(options.get("mode", "RGB"))
    if mode != "I;16B":
        check(image_bytes("tiff", **options))
        return
    file = BytesIO()
    grey = picture(mode="I;16")
    Image.frombytes("I;16B", grey.size, np.asarray(grey).astype(">u2").tobytes()).save(file, "TIFF")
    assert file.getvalue().startswith(b"MM")
    check(file.getvalue())


@pytest.mark.parametrize(
    "options", [{"no_jp2": True}, {"tile_size": (32, 32)}, {"irreversible": True}, {"plt": True}]
)
def test_jpeg_2000_layouts(options: Mapping[str, object]) -> None:
    check(image_bytes("jpeg2000", (100, 70), **options))


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0", "xmp": b"<x/>"}])
def test_webp_layouts(options: Mapping[str, object]) -> None:
    check(image_bytes("webp", mode="RGBA", **options))


def test_bmp_run_lengths() -> None:
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + 40 + 8)
    head += struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 1, 0, 0, 0, 2, 0)
    colours = bytes([10, 20, 30, 0, 200, 100, 50, 0])
    check(head + colours + bytes([4, 1, 0, 0, 2, 0, 2, 1, 0, 1]))


def test_heic_with_several_images_is_the_primary_one() -> None:
    several = HeifFile()
    for seed in range(3):
        several.add_from_pillow(picture(seed=seed))
    file = BytesIO()
    several.save(file, primary_index=1)
    assert check(file.getvalue()).type == "image"


@pytest.mark.parametrize("name", STILL_FORMATS)
def test_any_buffer_will_do_and_frames_can_be_decoded_again(name: str) -> None:
    data = image_bytes(name)
    (expected,) = open_image(data, LIMITS).frames()
    image = open_image(memoryview(bytearray(data)), LIMITS)
    for _ in range(2):
        (frame,) = image.frames()
        np.testing.assert_array_equal(frame.pixels, expected.pixels)


def test_threads_do_not_disturb_each_other() -> None:
    files = [image_bytes(n, (80, 60), seed) for n in (*STILL_FORMATS, "gif") for seed in range(6)]
    expected = [pixels_of(data) for data in files]
    with ThreadPoolExecutor(8) as threads:
        for found, pixels in zip(threads.map(pixels_of, files), expected, strict=True):
            np.testing.assert_array_equal(found, pixels)
