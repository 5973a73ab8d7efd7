"""Planned frames are the very frames of a full decode, and no more is decoded than planned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from itertools import islice

import numpy as np
import pytest

from deployments.errors import CorruptMediaError, MediaTooLargeError
from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from deployments.video.decoding.local import LocalReader
from deployments.video.sampling.decode_plan import DecodePlan
from tests.assets.videos import (
    B_FRAME_CODECS,
    PAIRS,
    make_video,
    paint_colours,
    paint_flagged,
    paint_noise,
    read_index,
)

LIMITS = MediaLimits()


def assert_like_full_decode(data: bytes, wishes: Iterable[Iterable[int] | None]) -> None:
    """Each wish is seen exactly as a full decode shows it; None: every frame."""
    with open_video(data, LIMITS) as video, LocalReader(video, LIMITS) as reader:
        full = [frame.pixels for frame in video.frames()]
        for wish in wishes:
            wanted = list(range(len(reader.table)) if wish is None else wish)
            seen = list(map(_kept, reader.read(DecodePlan.of(reader.table, wanted).runs)))
            assert [position for position, _ in seen] == wanted
            for position, pixels in seen:
                assert np.array_equal(pixels, full[position]), position


def _kept(seen) -> tuple[int, np.ndarray]:
    return seen.position, seen.pixels.copy()


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_any_frames_of_any_format_are_those_of_a_full_decode(container, codec):
    b_frames = 2 if codec in B_FRAME_CODECS else 0
    data = make_video(container, codec, b_frames=b_frames, frames=40, audio_seconds=4)
    assert_like_full_decode(data, [[3, 20, 21], [39], None, [0, 7, 8, 9, 30, 31], [24, 25]])


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("h264", {"x264-params": "open-gop=1:b-adapt=0:bframes=3"}),
        ("h264", {"x264-params": "intra-refresh=1"}),
        ("h264", {"x264-params": "interlaced=1:bframes=2"}),
        ("hevc", {"x265-params": "open-gop=1:b-adapt=0"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value.values())),
)
def test_open_groups_intra_refresh_and_interlacing(container, codec, options):
    data = make_video(container, codec, frames=40, b_frames=3, height=128, encoder_options=options)
    assert_like_full_decode(data, [None, [15, 16, 17], [33], [6, 7, 8, 30, 31]])


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg2video"])
def test_a_broadcast_that_starts_in_the_middle_of_a_group(codec):
    whole = make_video("ts", codec, frames=40, b_frames=3)
    packets = [whole[i : i + 188] for i in range(0, len(whole), 188)]
    assert_like_full_decode(b"".join(packets[:3] + packets[30:]), [None, [0], [3, 17]])


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4", "mpeg2video"])
def test_frames_that_no_other_refers_to_are_left_out(codec):
    container = "ts" if codec == "mpeg2video" else "mp4"
    options = {"h264": {"x264-params": "b-adapt=0"}, "hevc": {"x265-params": "b-adapt=0"}}
    data = make_video(
        container,
        codec,
        frames=40,
        b_frames=3,
        gop=40,
        paint=paint_noise,
        encoder_options=options.get(codec),
    )
    with open_video(data, LIMITS) as video, LocalReader(video, LIMITS) as reader:
        plan = DecodePlan.of(reader.table, [39])
        seen = [frame.position for frame in reader.read(plan.runs)]
        assert seen == [39]
        assert reader.decoded == plan.decoded <= 25
    assert_like_full_decode(data, [[39], [20, 39]])


def test_no_more_is_decoded_than_was_planned():
    data = make_video(frames=60, gop=10)
    with open_video(data, LIMITS) as video, LocalReader(video, LIMITS) as reader:
        plan = DecodePlan.of(reader.table, [0, 23, 50])
        assert [read_index(seen.pixels) for seen in reader.read(plan.runs)] == [0, 23, 50]
        assert reader.decoded == plan.decoded == 6


def test_an_early_stop_leaves_the_reader_usable():
    with open_video(make_video(frames=40), LIMITS) as video, LocalReader(video, LIMITS) as reader:
        runs = DecodePlan.of(reader.table, range(40)).runs
        first = reader.read(runs)
        assert next(first).position == 0
        first.close()
        assert [seen.position for seen in reader.read(runs)] == list(range(40))


def test_what_shows_the_same_is_reused_and_a_cut_between_looks_is_seen():
    data = make_video(frames=60, gop=60, fps=10, paint=paint_flagged(33, 36))
    with open_video(data, LIMITS) as video, LocalReader(video, LIMITS) as reader:
        runs = DecodePlan.of(reader.table, range(0, 60, 10)).runs
        seen = [(s.position, s.source, s.pixels is None) for s in reader.read(runs, range(60))]
    assert seen == [
        (0, 0, False),
        (10, 0, True),
        (20, 0, True),
        (30, 0, True),
        (33, 33, False),
        (36, 36, False),
        (40, 36, True),
        (50, 36, True),
    ]


@pytest.mark.parametrize("follow", [None, range(60)], ids=["plain", "followed"])
@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("mp4", "h264", {"x264-params": "open-gop=1:b-adapt=0:bframes=3"}),
        ("ts", "h264", {"x264-params": "intra-refresh=1"}),
        ("mkv", "hevc", {"x265-params": "open-gop=1:b-adapt=0"}),
        ("webm", "vp9", {}),
    ],
    ids=["open groups", "intra refresh", "hevc", "vp9"],
)
def test_what_was_left_off_goes_on_in_another_reader_at_the_very_next_frame(
    container, codec, options, follow
):
    data = make_video(
        container, codec, frames=60, gop=20, fps=10, b_frames=3, encoder_options=options
    )
    with open_video(data, LIMITS) as video, LocalReader(video, LIMITS) as undisturbed:
        table = undisturbed.table
        plan = DecodePlan.of(table, [i for i in range(60) if i % 7 < 4])
        expected = list(map(_kept, undisturbed.read(plan.runs, follow)))
        for count in (0, 1, 5, 12, 13, 23, len(expected)):
            with LocalReader(video, LIMITS) as first, LocalReader(video, LIMITS) as second:
                frames = first.read(plan.runs, follow)
                seen = [_kept(frame) for frame in islice(frames, count)]
                frames.close()
                left = plan.left_after([position for position, _ in seen], table)
                seen += map(_kept, second.read(left.runs, follow))
            assert [position for position, _ in seen] == [position for position, _ in expected]
            for (position, pixels), (_, wanted) in zip(seen, expected, strict=True):
                assert np.array_equal(pixels, wanted), position


def test_whole_groups_that_were_left_off_are_checked_to_their_end():
    data = bytearray(make_video("mp4", "h264", frames=40, gop=20, paint=paint_noise))
    with open_video(bytes(data), LIMITS) as video, LocalReader(video, LIMITS) as reader:
        plan = DecodePlan.whole(reader.table, 10)
        left = plan.left_after([0, 10], reader.table)
        assert [seen.position for seen in reader.read(left.runs)] == [20, 30]
        at = int(video.index.size[:15].sum()) + data.index(b"mdat")
    data[at : at + 64] = bytes(64)
    with (
        open_video(bytes(data), LIMITS) as video,
        LocalReader(video, LIMITS) as reader,
        pytest.raises(CorruptMediaError),
    ):
        list(reader.read(left.runs))


def test_damage_is_an_error_only_where_it_has_to_be_decoded():
    data = bytearray(make_video("mp4", "h264", frames=40, gop=10, paint=paint_noise))
    at = len(data) * 25 // 40
    data[at : at + 64] = bytes(64)
    with open_video(data, LIMITS) as video, LocalReader(video, LIMITS) as reader:
        early = DecodePlan.of(reader.table, [0, 5])
        assert len(list(reader.read(early.runs))) == 2
        with pytest.raises(CorruptMediaError):
            list(reader.read(DecodePlan.of(reader.table, range(40)).runs))


def test_a_frame_over_the_limit_is_refused():
    data = make_video(paint=paint_colours([(9, 9, 9)]))
    with open_video(data, LIMITS) as video:
        small = dataclasses.replace(LIMITS, max_pixels=160 * 96 - 1)
        with LocalReader(video, small) as reader, pytest.raises(MediaTooLargeError):
            list(reader.read(DecodePlan.of(reader.table, [0]).runs))
