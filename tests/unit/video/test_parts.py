"""Into how many parts plans are cut."""

from __future__ import annotations

import pytest

from deployments.types import VideoFacts
from deployments.video.parts import parts_of
from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.decode_plan import DecodePlan
from tests.unit.video.simulation import SimulatedVideo, flag, simulate

HD, SMALL = (1920, 1080), (640, 360)
NOISE_BYTES = 12_000
"""Of frames among which no cut would stand out, so that many frames are decoded."""


def facts_of(video: SimulatedVideo, size: tuple[int, int]) -> VideoFacts:
    frames = len(video.table)
    return VideoFacts(
        container="mp4",
        codec="h264",
        width=size[0],
        height=size[1],
        rotation=0,
        duration_seconds=frames / 30,
        frames=frames,
        frame_rate=30.0,
    )


def parts(
    video: SimulatedVideo, size: tuple[int, int], processes: int, *, is_followed: bool = True
) -> list[int]:
    """How many frames are decoded in each part of an adaptive plan."""
    looks = Adaptive().plan(video.table, video.span).looks
    plan = DecodePlan.of(video.table, looks)
    follow = video.span if is_followed else None
    made = parts_of(plan, facts_of(video, size), video.table, follow, processes)
    assert [run for part in made for run in part.runs] == list(plan.runs)
    return [part.decoded for part in made]


def clip(seconds: int, *, gop: int = 30, p_bytes: int = 600) -> SimulatedVideo:
    return simulate(flag(30 * seconds), gop=gop, b_frames=2, p_bytes=p_bytes)


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_every_process_has_as_many_parts_of_about_the_same_cost(processes: int) -> None:
    decoded = parts(clip(60, p_bytes=NOISE_BYTES), HD, processes)
    assert len(decoded) >= processes
    assert len(decoded) % processes == 0
    assert max(decoded) <= 1.2 * min(decoded)


def test_a_short_video_that_takes_much_decoding_is_shared() -> None:
    assert len(parts(clip(10, gop=60, p_bytes=NOISE_BYTES), HD, 2)) == 2
    assert len(parts(clip(20, gop=60, p_bytes=NOISE_BYTES), HD, 2)) == 2


@pytest.mark.parametrize("size", [HD, SMALL])
def test_what_takes_little_decoding_is_compared_by_one_process(size: tuple[int, int]) -> None:
    assert len(parts(clip(10), size, 2)) == 1


def test_small_pictures_are_compared_by_one_process() -> None:
    assert len(parts(clip(10, gop=60, p_bytes=NOISE_BYTES), SMALL, 2)) == 1


def test_long_stretches_are_shared_even_so() -> None:
    assert len(parts(clip(60), SMALL, 2)) == 4
    assert len(parts(clip(600), SMALL, 2)) == 8


def test_pictures_that_are_not_followed_are_shared_at_once() -> None:
    assert len(parts(clip(60), SMALL, 2, is_followed=False)) == 8
