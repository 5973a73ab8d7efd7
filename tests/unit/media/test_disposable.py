"""Which packets are told to be needed by no other, for real encoders and for made-up bytes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from deployments.media.disposable import DisposableCounter
from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from tests.assets.videos import make_video, paint_noise, remux

FIXED = {
    "h264": {"x264-params": "b-adapt=0:b-pyramid=0"},
    "hevc": {"x265-params": "b-adapt=0:b-pyramid=0"},
}


def told(data: bytes) -> np.ndarray | None:
    with open_video(data, MediaLimits()) as video:
        return video.index.disposable


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "h264"),
        ("mkv", "h264"),
        ("flv", "h264"),
        ("ts", "h264"),
        ("avi", "h264"),
        ("mp4", "hevc"),
        ("ts", "hevc"),
        ("mp4", "mpeg4"),
        ("avi", "mpeg4"),
        ("ts", "mpeg2video"),
    ],
)
def test_two_b_frames_in_three_are_disposable(container, codec):
    data = make_video(
        container,
        codec,
        frames=41,
        gop=20,
        b_frames=2,
        paint=paint_noise,
        encoder_options=FIXED.get(codec),
    )
    disposable = told(data)
    assert disposable is not None
    assert 20 <= disposable.sum() <= 27
    with open_video(data, MediaLimits()) as video:
        assert not (disposable & video.index.keyframe).any()


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4"])
def test_without_b_frames_at_most_the_last_one_of_a_group_is_disposable(codec):
    disposable = told(make_video("mp4", codec, frames=20, gop=10))
    assert disposable is not None
    assert disposable.sum() <= 2


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4"])
def test_what_is_called_disposable_can_be_left_out_without_a_trace(codec):
    data = make_video("mkv", codec, frames=41, gop=20, b_frames=2, encoder_options=FIXED.get(codec))
    disposable = told(data)
    assert disposable is not None

    def others(packets: list[av.Packet]) -> list[av.Packet]:
        return [packet for packet, out in zip(packets, disposable, strict=True) if not out]

    with open_video(data, MediaLimits()) as whole:
        at_times = {frame.pts_seconds: frame.pixels for frame in whole.frames()}
    with open_video(remux(data, "mkv", others), MediaLimits()) as part:
        frames = list(part.frames())
    assert len(frames) == 41 - disposable.sum()
    for frame in frames:
        assert np.array_equal(frame.pixels, at_times[frame.pts_seconds])


@pytest.mark.parametrize("codec", ["vp8", "vp9", "av1", "theora", "mjpeg"])
def test_codecs_that_do_not_tell_it_cheaply_tell_nothing(codec):
    counter = DisposableCounter(codec, None)
    counter.add(memoryview(b"\x80\x01\x02"))
    assert counter.found() is None


def vop(kind: int) -> bytes:
    """An MPEG-4 plane: 1 is P, 2 is B."""
    return b"\0\0\1\xb6" + bytes([kind << 6, 0, 0])


def picture(kind: int) -> bytes:
    """An MPEG-2 picture: 2 is P, 3 is B."""
    return b"\0\0\1\0\0" + bytes([kind << 3, 0])


def nal(*units: bytes) -> memoryview:
    return memoryview(b"".join(b"\0\0\0\1" + unit for unit in units))


@pytest.mark.parametrize(
    ("codec", "packets", "expected"),
    [
        ("h264", [nal(b"\x01\x00")], [True]),
        ("h264", [nal(b"\x41\x00")], [False]),
        ("h264", [nal(b"\x01\x00", b"\x41\x00")], [False]),
        ("h264", [nal(b"\x06\x00")], [False]),
        ("h264", [memoryview(b"")], [False]),
        ("h264", [nal(*[b"\x01\x00"] * 1000)], [False]),
        ("hevc", [nal(b"\x00\x01"), nal(b"\x02\x01")], [True, False]),
        # In temporal layer 0, and so perhaps needed by layer 1.
        ("hevc", [nal(b"\x00\x01"), nal(b"\x00\x02"), nal(b"\x02\x02")], [False, True, False]),
        ("hevc", [nal(b"\x00\x01"), nal(b"\x02\x02")], [False, False]),
        ("mpeg4", [memoryview(vop(2)), memoryview(vop(1))], [True, False]),
        ("mpeg4", [memoryview(vop(2) + vop(1))], [False]),
        ("mpeg2video", [memoryview(picture(3)), memoryview(picture(2))], [True, False]),
        ("mpeg2video", [memoryview(b"\0\0\1\0")], [False]),
    ],
)
def test_every_slice_and_picture_of_a_packet_counts(codec, packets, expected):
    counter = DisposableCounter(codec, None)
    for packet in packets:
        counter.add(packet)
    found = counter.found()
    assert found is not None
    assert found.tolist() == expected


def test_units_that_reach_beyond_their_packet_are_needed():
    counter = DisposableCounter("h264", bytes([1, 66, 0, 30, 0xFF, 0xE1, 0]))
    counter.add(memoryview(b"\xff\xff\xff\xff"))
    counter.add(memoryview(b"\0\0\0\2\x01\x00"))
    counter.add(memoryview(b"\0\0\0\2\x61\x00"))
    found = counter.found()
    assert found is not None
    assert found.tolist() == [False, True, False]
