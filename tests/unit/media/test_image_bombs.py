"""Files that are small and would be enormous to decode: refused, before they cost anything."""

from __future__ import annotations

import struct
import zlib

import pytest

from deployments.errors import CorruptMediaError, MediaTooLargeError, UnsupportedMediaError
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from tests.assets.image_bombs import BOMBS, DUDS, gif_file, jpeg2000_file
from tests.assets.image_costs import Cost, costs
from tests.assets.images import animation_bytes, image_bytes

GROWTH_BYTES = 200 * 2**20
REFUSALS = {"MediaTooLargeError", "CorruptMediaError", "UnsupportedMediaError"}


@pytest.fixture(scope="module")
def measured() -> dict[str, Cost]:
    return {cost.name: cost for cost in costs()}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_200_mb(measured: dict[str, Cost], name: str) -> None:
    cost = measured[name]
    assert cost.outcome in REFUSALS
    assert cost.grown_bytes < GROWTH_BYTES


@pytest.mark.parametrize("name", DUDS)
def test_what_lies_beside_the_picture_costs_nothing(measured: dict[str, Cost], name: str) -> None:
    cost = measured[name]
    assert cost.outcome == "[(40, 40, 3)]"
    assert cost.grown_bytes < GROWTH_BYTES


@pytest.mark.parametrize("name", ["gif", "png", "webp", "avif", "tiff"])
def test_the_pixels_of_all_frames_together_are_limited(name: str) -> None:
    data = animation_bytes(name, 4, (40, 30))
    assert len(list(open_image(data, MediaLimits(max_animation_pixels=4800)).frames())) == 4
    with pytest.raises(MediaTooLargeError, match="together"):
        open_image(data, MediaLimits(max_animation_pixels=4799))


def test_a_gif_counts_by_the_screen_as_it_grows() -> None:
    small, large = gif_file(8, 8, 1), gif_file(100, 100, 3)
    data = small[:-1] + large[large.index(b",\0\0\0\0", 13) :]
    open_image(data, MediaLimits(max_animation_pixels=30_064))
    with pytest.raises(MediaTooLargeError):
        open_image(data, MediaLimits(max_animation_pixels=30_063))


@pytest.mark.parametrize("at_bound", [{"precinct": 0}, {"block": 2}, {"tile": 10, "precinct": 0}])
def test_jpeg_2000_parts_are_counted_as_the_decoder_does(at_bound: dict[str, int]) -> None:
    # 262,144 parts of three components: 295 × 295 of one sample, 1180 × 1180 of 4 × 4.
    side = 1180 if "block" in at_bound else 295
    (frame,) = open_image(jpeg2000_file(side, side, **at_bound), MediaLimits()).frames()
    assert frame.pixels.shape == (side, side, 3)


def test_jpeg_2000_of_ordinary_encoders_stays_below_the_bounds() -> None:
    limits = MediaLimits(max_pixels=2**31, max_image_bytes=2**31)
    for options in ({}, {"tile": 256}, {"block": 6, "precinct": 7}, {"tile": 1024, "block": 4}):
        open_image(jpeg2000_file(10_000, 10_000, **options), limits)


def test_the_size_that_the_coded_data_of_an_avif_say_counts() -> None:
    for data in (image_bytes("avif", (200, 100)), animation_bytes("avif", 3, (200, 100))):
        open_image(data, MediaLimits(max_pixels=20_000))
        lying = bytearray(data)
        at = lying.find(b"ispe")
        while at >= 0:
            struct.pack_into(">II", lying, at + 8, 20, 10)
            at = lying.find(b"ispe", at + 4)
        with pytest.raises(MediaTooLargeError, match="200×100"):
            open_image(bytes(lying), MediaLimits(max_pixels=19_999))


def test_parts_that_cost_time_and_no_bytes_are_limited() -> None:
    text = struct.pack(">I", 0) + b"teXt" + struct.pack(">I", zlib.crc32(b"teXt"))
    png = image_bytes("png", (40, 30))
    webp = image_bytes("webp", (40, 30))
    chunks = webp[12:] + (b"JUNK" + bytes(4)) * 140_000
    files = [
        png[:33] + text * 140_000 + png[33:],
        b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks,
        image_bytes("avif", (40, 30)) + (struct.pack(">I", 8) + b"free") * 140_000,
        image_bytes("heic", (40, 30)) + (struct.pack(">I", 8) + b"free") * 140_000,
    ]
    for data in files:
        with pytest.raises(MediaTooLargeError, match="parts"):
            open_image(data, MediaLimits())


def test_item_locations_without_end_are_an_error() -> None:
    data = bytearray(image_bytes("avif", (40, 30)))
    at = data.index(b"iloc")
    data[at + 8 : at + 10] = bytes(2)  # no number has any length, so that no table ever ends
    data[at + 14 : at + 22] = b"\0\1\0\0\xff\xff\0\0"
    with pytest.raises(CorruptMediaError):
        open_image(bytes(data), MediaLimits())


def test_a_tiff_in_which_damage_goes_unnoticed_is_not_read() -> None:
    for compression in ("group3", "group4", "tiff_ccitt"):
        data = image_bytes("tiff", (40, 30), mode="1", compression=compression)
        with pytest.raises(UnsupportedMediaError, match="fax"):
            open_image(data, MediaLimits())
