"""Formats are told apart by their first bytes."""

from __future__ import annotations

import struct
from io import BytesIO

import av
import numpy as np
import pytest

from deployments.errors import UnsupportedMediaError
from deployments.media.sniff import DEMUXERS, HEAD_BYTES, MediaFormat, sniff
from tests.assets.images import ANIMATED_FORMATS, STILL_FORMATS, animation_bytes, image_bytes


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I4s4sI", 16 + len(brands), b"ftyp", major, 0) + brands + b"\0\0\0\x08mdat"


def video(muxer: str, codec: str = "mpeg4") -> bytes:
    file = BytesIO()
    with av.open(file, "w", format=muxer) as output:
        stream = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for value in (0, 100, 200):
            pixels = np.full((64, 64, 3), value, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("name", [*STILL_FORMATS, "gif"])
def test_images_are_recognised(name: str) -> None:
    assert sniff(image_bytes(name)) == MediaFormat("image", name)


@pytest.mark.parametrize("name", ANIMATED_FORMATS)
def test_animations_are_images(name: str) -> None:
    assert sniff(animation_bytes(name)) == MediaFormat("image", name)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"II+\0\x08\0\0\0", "tiff"),
        (b"MM\0+\0\x08\0\0", "tiff"),
        (b"MM\0*\0\0\0\x08", "tiff"),
        (b"\xff\x4f\xff\x51\0\x29", "jpeg2000"),
        (b"GIF87a", "gif"),
    ],
)
def test_the_rarer_variants_of_image_formats_are_recognised(head: bytes, name: str) -> None:
    assert sniff(head) == MediaFormat("image", name)


@pytest.mark.parametrize(
    ("name", "muxer", "codec"),
    [
        ("mp4", "mp4", "mpeg4"),
        ("mp4", "ipod", "mpeg4"),
        ("mp4", "3gp", "mpeg4"),
        ("mov", "mov", "mpeg4"),
        ("webm", "webm", "libvpx"),
        ("mkv", "matroska", "mpeg4"),
        ("avi", "avi", "mpeg4"),
        ("ts", "mpegts", "mpeg4"),
        ("flv", "flv", "flv"),
        ("ogg", "ogg", "libvpx"),
    ],
)
def test_videos_are_recognised(name: str, muxer: str, codec: str) -> None:
    assert sniff(video(muxer, codec)) == MediaFormat("video", name)


@pytest.mark.parametrize("container", DEMUXERS)
def test_every_video_name_has_a_demuxer_that_exists(container: str) -> None:
    assert av.format.ContainerFormat(DEMUXERS[container], "r").is_input


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ftyp(b"avif", b"avif", b"mif1", b"miaf"), ("image", "avif")),
        (ftyp(b"avis", b"avif", b"avis", b"msf1", b"iso8"), ("image", "avif")),
        (ftyp(b"mif1", b"avif", b"miaf"), ("image", "avif")),
        (ftyp(b"msf1", b"avis", b"iso8"), ("image", "avif")),
        (ftyp(b"heic", b"mif1", b"heic"), ("image", "heic")),
        (ftyp(b"heix", b"mif1"), ("image", "heic")),
        (ftyp(b"mif1", b"mif1", b"heic"), ("image", "heic")),
        (ftyp(b"msf1", b"hevc", b"iso8"), ("image", "heic")),
        (ftyp(b"hevc"), ("image", "heic")),
        (ftyp(b"qt  ", b"qt  "), ("video", "mov")),
        (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), ("video", "mp4")),
        (ftyp(b"iso6", b"mp41"), ("video", "mp4")),
        (ftyp(b"mp42", b"mp42", b"isom"), ("video", "mp4")),
        (ftyp(b"M4V ", b"M4V ", b"mp42"), ("video", "mp4")),
        (ftyp(b"3gp5", b"isom"), ("video", "mp4")),
        (ftyp(b"dash", b"iso6"), ("video", "mp4")),
        (ftyp(b"XAVC", b"XAVC", b"mp42"), ("video", "mp4")),
        (ftyp(b"XYZ9", b"abcd", b"isom"), ("video", "mp4")),
        (ftyp(b"XYZ9", b"abcd", b"mif1"), ("image", "heic")),
        (b"\0\0\0\x08wide\0\0\x10\0mdat", ("video", "mov")),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", ("video", "mov")),
    ],
)
def test_brands_tell_images_from_videos(head: bytes, expected: tuple[str, str]) -> None:
    found = sniff(head)
    assert (found.kind, found.name) == expected


def test_transport_streams_with_timestamps_are_recognised() -> None:
    packets = b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(8))
    assert sniff(packets) == MediaFormat("video", "ts")


def test_text_that_begins_like_a_transport_stream_is_none() -> None:
    with pytest.raises(UnsupportedMediaError):
        sniff(b"G" + b"ood morning. " * 100)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///secret.ts", "playlist"),
        (b"\xef\xbb\xbf#EXTM3U\n", "playlist"),
        (b"ffconcat version 1.0\nfile a.mp4", "playlist"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", "session description"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b"  <svg>", "SVG"),
        (b"<!DOCTYPE html><HTML>", "web page"),
        (b"PK\x03\x04", "archive"),
        (b"ID3\x04", "audio"),
        (b"\xff\x0a\xfa", "JPEG XL"),
        (b"\0\0\x01\xba", "program stream"),
        (b"hello, world", "not an image or a video"),
        (b"BM, a text about the Beamer", "not an image or a video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not an image or a video"),
        (b"\x1a\x45\xdf\xa3\x8f\x42\x82\x84abcd", "not an image or a video"),
        (ftyp(b"crx ", b"crx "), "not an image or a video"),
        (b"\xff", "not an image or a video"),
        (bytes(5000), "not an image or a video"),
    ],
)
def test_other_files_are_refused_with_a_sentence(data: bytes, word: str) -> None:
    with pytest.raises(UnsupportedMediaError, match=word):
        sniff(data)


@pytest.mark.parametrize("name", STILL_FORMATS)
def test_the_head_is_enough_and_any_buffer_will_do(name: str) -> None:
    data = image_bytes(name)[:HEAD_BYTES]
    assert sniff(bytearray(data)) == sniff(memoryview(data)) == MediaFormat("image", name)


@pytest.mark.parametrize("name", STILL_FORMATS)
def test_every_shorter_head_is_recognised_or_refused(name: str) -> None:
    data = image_bytes(name)
    for length in range(64):
        try:
            assert sniff(data[:length]).name == name
        except UnsupportedMediaError:
            assert length < 20
