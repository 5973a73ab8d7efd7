"""The framing of each container, walked byte by byte."""

from __future__ import annotations

import struct

import pytest

from deployments.errors import CorruptMediaError, UnsupportedMediaError
from deployments.media.framing import count_video_packets
from tests.assets.videos import PAIRS, make_video, theora_video

COUNTED = [pair for pair in PAIRS if pair[0] not in ("mp4", "mov", "ts")]


def count(container: str, data: bytes) -> int | None:
    return count_video_packets(container, memoryview(data))


@pytest.mark.parametrize(("container", "codec"), COUNTED)
def test_video_packets_are_counted_beside_sound(container, codec):
    assert count(container, make_video(container, codec, audio_seconds=3)) == 20


@pytest.mark.parametrize("options", [{}, {"live": "1"}])
@pytest.mark.parametrize("container", ["webm", "mkv"])
def test_matroska_elements_of_unknown_size_end_where_the_next_ones_start(container, options):
    data = make_video(container, "vp9", seekable=False, muxer_options=options)
    assert count(container, data) == 20


def test_theora_headers_are_no_frames():
    assert count("ogg", theora_video()) == 12


def element(identifier: str, body: bytes) -> bytes:
    return bytes.fromhex(identifier) + bytes([0x40 | len(body) >> 8, len(body) & 0xFF]) + body


def matroska(*blocks: bytes) -> bytes:
    track = element("ae", element("d7", b"\x01") + element("83", b"\x01"))
    tracks = element("1654ae6b", track)
    return element("1a45dfa3", b"") + element(
        "18538067", tracks + element("1f43b675", b"".join(blocks))
    )


def test_frames_laced_into_one_block_are_counted_each():
    plain = element("a3", b"\x81\0\0\0" + b"frame")
    laced = element("a3", b"\x81\0\0\x04" + b"\x02" + b"three frames")
    grouped = element("a0", element("a1", b"\x81\0\0\0" + b"frame"))
    other_track = element("a3", b"\x82\0\0\0" + b"sound")
    assert count("mkv", matroska(plain, laced, grouped, other_track)) == 5


@pytest.mark.parametrize(
    "block",
    [element("ff", b"unknown"), element("a3", b"\x81\0"), element("a3", b"\x81\0\0\x04")],
)
def test_matroska_blocks_that_make_no_sense_are_damage(block):
    with pytest.raises(CorruptMediaError):
        count("mkv", matroska(block))


def flv(*bodies: bytes, kind: int = 9) -> bytes:
    tags = b"".join(
        struct.pack(">B", kind)
        + len(body).to_bytes(3, "big")
        + bytes(7)
        + body
        + struct.pack(">I", 11 + len(body))
        for body in bodies
    )
    return b"FLV\x01\x01" + struct.pack(">I", 9) + bytes(4) + tags


def test_flv_tags_that_carry_no_frame_do_not_count():
    sequence_header, frame, end = b"\x17\0\0\0\0x", b"\x17\x01\0\0\0x", b"\x17\x02\0\0\0"
    command = b"\x57\0"
    assert count("flv", flv(sequence_header, frame, command, frame, end, b"")) == 2


def test_flv_tags_of_extended_codecs_count():
    start, coded, coded_x, end = (bytes([0x90 | kind]) + b"hvc1" + b"xxxx" for kind in (0, 1, 3, 2))
    assert count("flv", flv(start, coded, coded_x, end)) == 2


def test_flv_with_several_tracks_is_refused():
    with pytest.raises(UnsupportedMediaError):
        count("flv", flv(b"\x96\x01hvc1"))


def test_a_missing_size_behind_the_last_flv_tag_is_no_damage():
    assert count("flv", flv(b"\x17\x01\0\0\0x")[:-4]) == 1


@pytest.mark.parametrize("padding", [bytes(4), bytes(7)])
def test_zeros_that_fill_up_an_mp4_are_no_damage(padding):
    assert count("mp4", make_video() + padding) is None


@pytest.mark.parametrize(
    "tail",
    [b"\0", b"\0\0\0", b"\0\0\0\x10", b"\0\0\0\x10mdat", b"\0\0\0\x05free", b"\0\0\0\x01wide"],
)
def test_a_box_that_is_not_whole_is_damage(tail):
    with pytest.raises(CorruptMediaError):
        count("mp4", make_video() + tail)


def test_a_last_box_may_reach_to_the_end_without_telling_its_size():
    assert count("mp4", make_video() + b"\0\0\0\0free" + b"anything") is None


def test_packets_that_a_receiver_marked_as_lost_are_damage():
    data = bytearray(make_video("ts", "h264"))
    data[188 * 10 + 1] |= 0x80
    with pytest.raises(CorruptMediaError):
        count("ts", bytes(data))


@pytest.mark.parametrize("container", ["mp4", "mov", "webm", "mkv", "avi", "ts", "flv", "ogg"])
@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff" * 11, b"FLV\x01\x05\0\0\0\x09", b"OggS\0" * 9]
)
def test_scraps_never_fail_otherwise_than_by_the_error_tree(container, data):
    try:
        counted = count(container, data)
    except (CorruptMediaError, UnsupportedMediaError):
        return
    assert counted in (None, 0)
