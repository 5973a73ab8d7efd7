"""Damaged, truncated, hostile and oversized images: an error, never other frames."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest

from deployments.errors import (
    CorruptMediaError,
    MediaError,
    MediaTooLargeError,
    UnsupportedMediaError,
)
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from tests.assets.images import (
    ANIMATED_FORMATS,
    STILL_FORMATS,
    animation_bytes,
    image_bytes,
    picture,
)

LIMITS = MediaLimits(max_pixels=1_000_000, max_animation_frames=20)
SIZE = (40, 28)

FILES: dict[str, Callable[[], bytes]] = {
    **{name: lambda name=name: image_bytes(name, SIZE) for name in STILL_FORMATS},
    **{
        f"{name} animation": lambda name=name: animation_bytes(name, 3, SIZE)
        for name in ANIMATED_FORMATS
    },
    "progressive jpeg": lambda: image_bytes("jpeg", SIZE, progressive=True),
    "cmyk jpeg": lambda: image_bytes("jpeg", SIZE, mode="CMYK"),
    "grey jpeg": lambda: image_bytes("jpeg", SIZE, mode="L"),
    "one-frame gif": lambda: image_bytes("gif", SIZE),
    "lossless webp": lambda: image_bytes("webp", SIZE, mode="RGBA", lossless=True),
    "lzw tiff": lambda: image_bytes("tiff", SIZE, compression="tiff_lzw"),
    "deflate tiff": lambda: image_bytes("tiff", SIZE, compression="tiff_deflate"),
    "jpeg tiff": lambda: image_bytes("tiff", SIZE, compression="jpeg"),
    "bigtiff": lambda: image_bytes("tiff", SIZE, big_tiff=True),
    "jpeg 2000 codestream": lambda: image_bytes("jpeg2000", SIZE, no_jp2=True),
    "tiled jpeg 2000": lambda: image_bytes("jpeg2000", SIZE, tile_size=(16, 16)),
}


@pytest.fixture(params=FILES)
def whole(request: pytest.FixtureRequest) -> bytes:
    return FILES[request.param]()


def decode(data: bytes) -> list[npt.NDArray[np.uint8]]:
    return [frame.pixels for frame in open_image(data, LIMITS).frames()]


def cuts(length: int) -> list[int]:
    """Lengths to cut to: near the start, spread over the file, and near the end."""
    return sorted({1, 7, 16, 33, 64, *(length * i // 16 for i in range(1, 16)), length - 9})


def test_truncation_at_any_place_is_an_error(whole: bytes) -> None:
    for length in cuts(len(whole)):
        with pytest.raises((CorruptMediaError, UnsupportedMediaError)):
            decode(whole[:length])


def test_missing_last_bytes_are_an_error_or_do_not_matter(whole: bytes) -> None:
    expected = decode(whole)
    for missing in range(1, 9):
        try:
            found = decode(whole[:-missing])
        except CorruptMediaError:
            continue
        for pixels, same in zip(found, expected, strict=True):  # only padding was cut off
            np.testing.assert_array_equal(pixels, same)


def test_truncation_that_keeps_the_end_marker_is_an_error() -> None:
    for name, end in (("jpeg", b"\xff\xd9"), ("png", image_bytes("png")[-12:]), ("gif", b";")):
        data = image_bytes(name, (160, 120))
        with pytest.raises(CorruptMediaError):
            decode(data[: len(data) // 2] + end)


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Bytes changed, removed, zeroed, repeated: anywhere, and often in the header."""
    rng = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(data)
        at = rng.randrange(min(len(data), rng.choice((40, 200, len(data)))))
        length = rng.randrange(1, 40)
        match rng.randrange(5):
            case 0:
                mutant[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 1:
                del mutant[at : at + length]
            case 2:
                mutant[at : at + length] = bytes(len(mutant[at : at + length]))
            case 3:
                mutant[at:at] = mutant[at : at + length]
            case _:
                for _ in range(6):
                    mutant[rng.randrange(len(mutant))] = rng.randrange(256)
        yield bytes(mutant)


def test_only_media_errors_escape_from_hostile_bytes(whole: bytes) -> None:
    sentences = set()
    for mutant in mutants(whole, count=24, seed=len(whole)):
        try:
            assert decode(mutant)
        except MediaError as error:
            sentences.add(error.detail)
    assert sentences
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z][^\n/\\]*\.", sentence)


@pytest.mark.parametrize("name", STILL_FORMATS)
def test_signatures_without_a_file_behind_are_errors(name: str) -> None:
    head = image_bytes(name)[:64]
    for tail in (b"", bytes(200), b"\xff" * 200, head * 3):
        with pytest.raises(MediaError):
            decode(head + tail)


def test_videos_are_not_images() -> None:
    with pytest.raises(UnsupportedMediaError, match=r"video \(mp4\)"):
        open_image(b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\x08mdat", LIMITS)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def ihdr(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


IDAT, IEND = (b"IDAT", zlib.compress(b"\0" + bytes(12))), (b"IEND", b"")


@pytest.mark.parametrize(
    "chunks",
    [
        (ihdr(4, 1), IEND),
        (IDAT, IEND),
        (ihdr(1, 1), ihdr(4, 1), IDAT, IEND),
        (ihdr(0, 1), IDAT, IEND),
        (ihdr(4, 1), (b"acTL", struct.pack(">II", 2, 0)), IDAT, IEND),
        (ihdr(4, 1), (b"acTL", struct.pack(">II", 0, 0)), IDAT, IEND),
        (ihdr(4, 1), IDAT, (b"acTL", struct.pack(">II", 1, 0)), IEND),
        (ihdr(4, 1), (b"fcTL", bytes(26)), IDAT, IEND),
        (ihdr(4, 1), (b"IDAT", IDAT[1][:-6]), IEND),
    ],
)
def test_a_png_whose_chunks_do_not_fit_together_is_an_error(
    chunks: tuple[tuple[bytes, bytes], ...],
) -> None:
    assert decode(png(ihdr(4, 1), IDAT, IEND))[0].shape == (1, 4, 3)
    with pytest.raises(CorruptMediaError):
        decode(png(*chunks))


def test_a_wrong_checksum_of_pixels_is_an_error() -> None:
    data = bytearray(png(ihdr(4, 1), IDAT, IEND))
    data[data.index(b"IEND") - 5] ^= 1
    with pytest.raises(CorruptMediaError, match="checksum"):
        decode(bytes(data))


def test_a_gif_that_ends_between_two_frames_is_an_error() -> None:
    data = animation_bytes("gif", 3, SIZE)
    second = data.index(b"\x21\xf9\x04", data.index(b"\x21\xf9\x04") + 1)
    with pytest.raises(CorruptMediaError):
        decode(data[:second])
    assert len(decode(data[:second] + b";")) == 1


def test_a_gif_without_frames_is_an_error() -> None:
    with pytest.raises(CorruptMediaError, match="no frame"):
        decode(b"GIF89a\x04\0\x04\0\0\0\0;")


def test_a_damaged_frame_header_in_an_animated_webp_is_an_error() -> None:
    data = animation_bytes("webp", 3, SIZE)
    at = data.rindex(b"ANMF")
    with pytest.raises(CorruptMediaError, match="no known kind"):
        decode(data[:at] + b"ANME" + data[at + 4 :])


def test_tiff_pages_in_a_circle_are_an_error() -> None:
    data = bytearray(image_bytes("tiff", SIZE))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    with pytest.raises(CorruptMediaError, match="circle"):
        decode(bytes(data))


def test_tiff_directories_that_overlap_are_an_error() -> None:
    data = bytearray(b"II*\0\x08\0\0\0" + bytes(30_000))
    size = struct.pack("<HHIIHHII", 256, 3, 1, 4, 257, 3, 1, 4)
    for page in range(8, 8 + 36 * 10, 36):
        data[page : page + 26] = struct.pack("<H", 2000) + size
        struct.pack_into("<I", data, page + 2 + 12 * 2000, page + 36)
    with pytest.raises(CorruptMediaError, match="overlap"):
        open_image(data, LIMITS)


def test_a_tiff_tag_with_millions_of_numbers_is_an_error() -> None:
    tags = [(256, 3, 1, 4), (257, 3, 1, 4), (273, 4, 2_000_000, 100)]
    page = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    with pytest.raises(CorruptMediaError, match="impossibly long"):
        open_image(b"II*\0\x08\0\0\0" + page + bytes(8_000_200), LIMITS)


def test_missing_tiles_of_a_jpeg_2000_are_an_error() -> None:
    data = image_bytes("jpeg2000", SIZE, tile_size=(16, 16), no_jp2=True)
    tile_parts = [match.start() for match in re.finditer(b"\xff\x90\0\x0a", data)]
    with pytest.raises(CorruptMediaError, match="tiles are missing"):
        decode(data[: tile_parts[2]] + data[tile_parts[3] :])


def test_a_jpeg_2000_whose_headers_disagree_is_an_error() -> None:
    data = bytearray(image_bytes("jpeg2000", SIZE))
    at = data.index(b"ihdr") + 4
    struct.pack_into(">II", data, at, 4, 4)
    with pytest.raises(CorruptMediaError, match="disagree"):
        decode(bytes(data))


@pytest.mark.parametrize("name", [*STILL_FORMATS, "gif"])
def test_bytes_and_pixels_are_limited_before_anything_is_decoded(name: str) -> None:
    data = image_bytes(name, (30, 20))
    fits = MediaLimits(max_image_bytes=len(data), max_pixels=600)
    assert len(list(open_image(data, fits).frames())) == 1
    with pytest.raises(MediaTooLargeError, match="bytes"):
        open_image(data, MediaLimits(max_image_bytes=len(data) - 1))
    with pytest.raises(MediaTooLargeError, match="pixels"):
        open_image(data, MediaLimits(max_pixels=599))


@pytest.mark.parametrize("name", ["gif", "webp", "avif", "tiff", "png"])
def test_pixels_are_limited_for_animations(name: str) -> None:
    with pytest.raises(MediaTooLargeError, match="pixels"):
        open_image(animation_bytes(name, 2, (30, 20)), MediaLimits(max_pixels=599))


def test_later_pages_are_limited_too() -> None:
    file = BytesIO()
    picture((4, 4)).save(file, "TIFF", save_all=True, append_images=[picture((90, 4))])
    assert len(decode(file.getvalue())) == 2
    with pytest.raises(MediaTooLargeError, match="90×4"):
        open_image(file.getvalue(), MediaLimits(max_pixels=100))


def test_later_frames_that_make_the_canvas_grow_are_limited_too() -> None:
    data = bytearray(animation_bytes("gif", 2, (4, 4)))
    struct.pack_into("<H", data, data.rindex(b"\x2c\0\0\0\0") + 1, 900)
    with pytest.raises(MediaTooLargeError, match="904×4"):
        open_image(bytes(data), MediaLimits(max_pixels=100))


@pytest.mark.parametrize(
    "data",
    [
        png(ihdr(2**31 - 1, 2**31 - 1), IDAT, IEND),
        b"GIF89a\xff\xff\xff\xff\0\0\0\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x00;",
        b"RIFF\x26\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(16),
        struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 0, 0, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6),
    ],
    ids=["png", "gif", "webp", "bmp"],
)
def test_a_claim_of_enormous_size_costs_nothing(data: bytes) -> None:
    with pytest.raises(MediaTooLargeError):
        open_image(data, MediaLimits())


def test_a_jpeg_with_thousands_of_scans_is_refused() -> None:
    data = image_bytes("jpeg", SIZE, progressive=True)
    last = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[last:-2] * 600 + b"\xff\xd9"
    with pytest.raises(MediaTooLargeError, match="scans"):
        open_image(bomb, LIMITS)


@pytest.mark.parametrize("garbage", [b"\x12", b"\xff\0\0\x08abcdef"])
def test_garbage_between_the_segments_of_a_jpeg_is_an_error(garbage: bytes) -> None:
    data = image_bytes("jpeg", SIZE)
    at = data.index(b"\xff\xdb")
    with pytest.raises(CorruptMediaError):
        open_image(data[:at] + garbage + data[at:], LIMITS)
