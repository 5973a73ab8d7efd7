"""Animations and pages: the frames that Pillow shows, in order, at their times."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from deployments.errors import CorruptMediaError, MediaTooLargeError
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.types import ImageFacts
from tests.assets.images import ANIMATED_FORMATS, animation_bytes, image_bytes, picture

LIMITS = MediaLimits()
DURATIONS_MS = [80, 40, 120, 200]


def by_pillow(data: bytes) -> list[npt.NDArray[np.uint8]]:
    frames = []
    with warnings.catch_warnings(), Image.open(BytesIO(data)) as image:
        warnings.simplefilter("ignore")  # Pillow warns that palettes lose their transparency
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.asarray(ImageOps.exif_transpose(image).convert("RGB")))
    return frames


def check(data: bytes) -> ImageFacts:
    """Compares all frames; returns the facts."""
    image = open_image(data, LIMITS)
    frames = list(image.frames())
    expected = by_pillow(data)
    assert image.facts.frames == len(frames) == len(expected)
    for index, (frame, pixels) in enumerate(zip(frames, expected, strict=True)):
        assert frame.index == index
        assert frame.pixels.flags.c_contiguous
        np.testing.assert_array_equal(frame.pixels, pixels)
    assert frames[0].pixels.shape == (image.facts.height, image.facts.width, 3)
    return image.facts


@pytest.mark.parametrize("name", ["gif", "png", "webp", "avif"])
def test_animations_show_their_frames_at_their_times(name: str) -> None:
    data = animation_bytes(name, durations_ms=DURATIONS_MS)
    facts = check(data)
    assert facts == ImageFacts("animation", name, 48, 32, frames=4, duration_seconds=0.44)
    times = [frame.pts_seconds for frame in open_image(data, LIMITS).frames()]
    assert times == [0.0, 0.08, 0.12, 0.24]


def test_tiff_pages_have_no_times() -> None:
    data = animation_bytes("tiff")
    assert check(data) == ImageFacts("animation", "tiff", 48, 32, frames=4)
    assert [frame.pts_seconds for frame in open_image(data, LIMITS).frames()] == [0.0] * 4


def test_tiff_pages_may_differ_in_size_mode_and_orientation() -> None:
    file = BytesIO()
    pages = [picture((30, 20)), picture((50, 10), mode="L"), picture((8, 60), mode="RGBA")]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    check(file.getvalue())
    first = image_bytes("tiff", (30, 20), orientation=6)
    assert check(first).height == 30


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gif", {"mode": "P", "disposal": 2}),
        ("gif", {"mode": "P", "disposal": 3}),
        ("gif", {"mode": "RGBA"}),
        ("gif", {"mode": "L"}),
        ("gif", {"optimize": True, "loop": 0, "comment": b"x" * 700}),
        ("png", {"mode": "RGBA", "disposal": 1, "blend": 1}),
        ("png", {"mode": "P", "disposal": 2}),
        ("webp", {"mode": "RGBA", "lossless": True}),
        ("avif", {"mode": "RGBA"}),
        ("tiff", {"mode": "CMYK", "compression": "tiff_lzw"}),
        ("tiff", {"big_tiff": True}),
    ],
)
def test_disposal_blending_and_transparency_are_as_in_pillow(
    name: str, options: Mapping[str, object]
) -> None:
    assert check(animation_bytes(name, frames=5, **options)).frames == 5  # type: ignore[arg-type]


def test_a_small_moving_part_is_drawn_over_the_frame_before() -> None:
    frames = [picture((60, 40)) for _ in range(4)]
    for index, frame in enumerate(frames):
        frame.paste((255, 0, 0), (index * 10, 5, index * 10 + 8, 13))
    for name in ("GIF", "PNG", "WEBP"):
        file = BytesIO()
        frames[0].save(file, name, save_all=True, append_images=frames[1:], duration=50)
        assert check(file.getvalue()).frames == 4


@pytest.mark.parametrize("name", ["png", "webp", "avif", "tiff"])
def test_one_frame_is_a_still(name: str) -> None:
    facts = check(animation_bytes(name, frames=1))
    assert (facts.type, facts.frames, facts.duration_seconds) == ("image", 1, None)


def test_a_gif_is_an_animation_even_with_one_frame() -> None:
    facts = check(animation_bytes("gif", frames=1, durations_ms=70))
    assert (facts.type, facts.frames, facts.duration_seconds) == ("animation", 1, 0.07)
    assert check(image_bytes("gif")).duration_seconds == 0.0


def test_an_apng_default_image_counts_as_a_frame_as_in_pillow() -> None:
    data = animation_bytes("png", frames=4, durations_ms=50, default_image=True)
    assert check(data).duration_seconds == pytest.approx(0.15)
    times = [frame.pts_seconds for frame in open_image(data, LIMITS).frames()]
    assert times == [0.0, 0.0, 0.05, 0.1]


def test_a_gif_frame_outside_the_screen_grows_the_canvas_as_in_pillow() -> None:
    data = bytearray(animation_bytes("gif", frames=3, size=(20, 10)))
    data[6:10] = struct.pack("<HH", 12, 6)
    check(bytes(data))


def test_a_gif_may_have_bytes_behind_its_end_and_between_its_blocks() -> None:
    data = animation_bytes("gif")
    assert check(data + b"trailing").frames == 4
    assert check(data[:-1] + b"\0\0;").frames == 4


def test_frames_are_decoded_one_by_one_and_damage_shows_where_it_is() -> None:
    data = bytearray(animation_bytes("png", frames=4))
    start = data.rindex(b"fdAT")
    (length,) = struct.unpack_from(">I", data, start - 4)
    end = start + 4 + length
    data[start + 12 : end] = bytes(length - 8)  # no zlib stream, but with a checksum that fits
    data[end : end + 4] = struct.pack(">I", zlib.crc32(data[start:end]))
    frames = open_image(bytes(data), LIMITS).frames()
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(CorruptMediaError):
        next(frames)


@pytest.mark.parametrize("name", ANIMATED_FORMATS)
def test_the_number_of_frames_is_limited(name: str) -> None:
    data = animation_bytes(name, frames=4)
    assert len(list(open_image(data, MediaLimits(max_animation_frames=4)).frames())) == 4
    with pytest.raises(MediaTooLargeError, match="more than 3 frames"):
        open_image(data, MediaLimits(max_animation_frames=3))
