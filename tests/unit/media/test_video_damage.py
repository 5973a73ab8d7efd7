"""A part of a video that cannot be read is an error, never a shorter answer."""

from __future__ import annotations

import random
import struct

import pytest

from deployments.errors import CorruptMediaError, UnsupportedMediaError
from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from tests.assets.videos import (
    PAIRS,
    make_video,
    packet_like,
    paint_noise,
    remux,
    theora_video,
)

MOOV_FIRST = {"moov_size": "8000"}


def decode_all(data: bytes, threads: int = 1) -> list[bytes]:
    with open_video(data, MediaLimits(), threads=threads) as video:
        return [frame.pixels.tobytes() for frame in video.frames()]


def noisy(container: str, codec: str) -> bytes:
    """Frames of about equal size, so that a cut at a random place cuts a frame."""
    return make_video(
        container,
        codec,
        frames=12,
        b_frames=2,
        width=64,
        height=48,
        paint=paint_noise,
        audio_seconds=1.2,
        muxer_options=MOOV_FIRST if container in ("mp4", "mov") else None,
    )


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_a_file_cut_anywhere_is_refused(container, codec):
    data = noisy(container, codec)
    for part in range(1, 24):
        end = len(data) * part // 24
        if container == "ts" and end % 188 == 0:
            end += 1
        with pytest.raises((CorruptMediaError, UnsupportedMediaError)):
            decode_all(data[:end])


@pytest.mark.parametrize("missing", [1, 2, 5, 9, 17, 64, 150])
@pytest.mark.parametrize(("container", "codec"), [("mkv", "vp9"), ("flv", "flv1"), ("ogg", "vp8")])
def test_the_very_last_bytes_are_missed_too(container, codec, missing):
    data = make_video(container, codec)
    with pytest.raises(CorruptMediaError):
        decode_all(data[:-missing])


def test_a_cut_theora_file_is_refused():
    data = theora_video()
    for end in range(200, len(data), 97):
        with pytest.raises((CorruptMediaError, UnsupportedMediaError)):
            decode_all(data[:end])


def test_a_fragmented_file_cut_inside_a_fragment_header_is_refused():
    data = make_video(
        "mp4", "h264", seekable=False, muxer_options={"movflags": "cmaf+frag_keyframe"}
    )
    last = data.rindex(b"moof") - 4
    for end in (last + 3, last + 8, last + 60):
        with pytest.raises(CorruptMediaError):
            decode_all(data[:end])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "h264"),
        ("mkv", "h264"),
        ("flv", "flv1"),
        ("mkv", "mpeg4"),
        ("mkv", "mpeg2video"),
        ("ts", "h264"),
        ("ogg", "vp8"),
    ],
)
def test_overwritten_frames_are_refused_whatever_the_decoder_makes_of_them(
    container, codec, threads
):
    data = bytearray(make_video(container, codec, frames=12, b_frames=2, paint=paint_noise))
    middle = len(data) // 2
    data[middle : middle + 2000] = random.Random(1).randbytes(2000)
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data), threads)


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp8", "vp9", "av1", "mpeg4"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_frame_that_no_decoder_can_read_is_refused(codec, threads):
    def replace(packets):
        broken = packet_like(packets[5], b"\x00\x00\x00\x01" + b"\xff" * 40, packets[5].pts)
        return [*packets[:5], broken, *packets[6:]]

    with pytest.raises(CorruptMediaError):
        decode_all(remux(make_video("mkv", codec), "mkv", replace), threads)


@pytest.mark.parametrize("container", ["mkv", "webm"])
def test_a_damaged_cluster_header_is_refused(container):
    data = bytearray(
        make_video(container, "vp9", frames=80, muxer_options={"cluster_time_limit": "1000"})
    )
    at = data.rindex(b"\x1f\x43\xb6\x75")
    data[at] ^= 0xFF
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data))


def test_a_damaged_ogg_page_that_ffmpeg_would_skip_is_refused():
    data = bytearray(make_video("ogg", "vp8", frames=60, muxer_options={"page_duration": "500000"}))
    pages = [i for i in range(len(data)) if data[i : i + 4] == b"OggS"]
    data[(pages[3] + pages[4]) // 2] ^= 0xFF
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data))


def test_a_damaged_avi_chunk_name_is_refused():
    data = bytearray(make_video("avi", "mpeg4"))
    data[data.index(b"00dc", data.index(b"movi") + 400)] = 0x91
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data))


def test_a_damaged_flv_tag_is_refused():
    data = bytearray(make_video("flv", "h264"))
    last_size = struct.unpack(">I", data[-4:])[0]
    data[-4 - last_size] = 0x55
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data))


def test_a_broadcast_with_lost_packets_is_refused():
    data = noisy("ts", "h264")
    packets = [data[i : i + 188] for i in range(0, len(data), 188)]
    is_video = [packet[1] & 0x1F == 1 and packet[2] == 0 for packet in packets]  # PID 0x100
    del packets[is_video.index(True, len(packets) // 4)]
    with pytest.raises(CorruptMediaError):
        decode_all(b"".join(packets))


def test_a_broadcast_out_of_step_is_refused():
    data = noisy("ts", "h264")
    with pytest.raises(CorruptMediaError):
        decode_all(data[: 188 * 100] + data[188 * 100 + 1 :] + b"\0")


def test_samples_that_the_table_of_an_mp4_names_must_be_there():
    data = make_video("mp4", "h264", muxer_options=MOOV_FIRST)
    table = data.index(b"mdat")
    shrunk = bytearray(data[: table + 4 + 200])
    struct.pack_into(">I", shrunk, table - 4, 8 + 200)
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(shrunk))


def late_damage() -> bytes:
    """Its framing is whole; a frame in the third quarter is not."""
    data = bytearray(make_video("mp4", "h264", frames=12, width=64, height=48, paint=paint_noise))
    at = len(data) * 3 // 4
    data[at : at + 1000] = random.Random(1).randbytes(1000)
    return bytes(data)


def test_frames_before_the_damage_still_come():
    data = late_damage()
    seen = []
    with open_video(data, MediaLimits()) as video, pytest.raises(CorruptMediaError):
        seen.extend(frame.index for frame in video.frames())
    assert seen == list(range(len(seen)))
    assert 0 < len(seen) < 12


def test_damage_is_found_in_frames_that_the_stride_leaves_out():
    with open_video(late_damage(), MediaLimits()) as video, pytest.raises(CorruptMediaError):
        list(video.frames(1000))


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_never_gives_a_shorter_answer(seed):
    chance = random.Random(seed)
    container, codec = chance.choice([pair for pair in PAIRS if pair[0] not in ("mp4", "mov")])
    data = bytearray(noisy(container, codec))
    for _ in range(chance.choice([1, 20])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        frames = decode_all(bytes(data))
    except (CorruptMediaError, UnsupportedMediaError):
        return
    assert len(frames) == 12


def test_nothing_of_ffmpegs_log_reaches_the_console(capfd):
    data = bytearray(noisy("mkv", "h264"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data[:-300]))
    with pytest.raises(CorruptMediaError):
        decode_all(bytes(data[: len(data) // 2]) + bytes(len(data) // 2))
    assert capfd.readouterr() == ("", "")
