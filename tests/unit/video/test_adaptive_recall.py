"""What `adaptive` finds, on hundreds of simulated videos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.change import SmallLuma
from deployments.video.timeline import segments
from tests.unit.video.simulation import (
    NSFW,
    SimulatedVideo,
    Survey,
    Tampering,
    flag,
    simulate,
    survey,
    tampered,
)

FRAMES = 450
LOOKS_SEED = 10**6
"""Where looks are must not depend on where a stretch was put by the same numbers."""
GROUPS = [(12, 0), (12, 2), (30, 2), (60, 0), (60, 2), (FRAMES, 0), (FRAMES, 3)]


def one_stretch(length_frames: int, seed: int, *, gop: int, b_frames: int, telling: bool = True):
    rng = np.random.default_rng(seed)
    start = int(rng.integers(0, FRAMES - length_frames + 1))
    scores = np.full(FRAMES, 0.05, np.float32)
    scores[start : start + length_frames] = 0.95
    video = simulate(scores, gop=gop, b_frames=b_frames, telling=telling, seed=seed)
    return video, start, start + length_frames


def assert_edges(
    video: SimulatedVideo, result: Survey, start: int, stop: int, edge_seconds: float
) -> None:
    (segment,) = segments(video.table, video.span, result.looks, (NSFW,))
    assert abs(segment.start_seconds - video.table.seconds[start]) <= edge_seconds + 1e-6
    assert abs(segment.end_seconds - video.table.shown_until(stop - 1)) <= edge_seconds + 1e-6


@pytest.mark.parametrize(("gop", "b_frames"), GROUPS)
def test_finds_every_stretch_of_the_gap_whatever_the_packets_look_like(
    gop: int, b_frames: int
) -> None:
    for seed in range(30):
        length = 30 + seed
        video, start, stop = one_stretch(length, seed, gop=gop, b_frames=b_frames, telling=False)
        result = survey(video, Adaptive(seed=LOOKS_SEED + seed))
        assert result.hit
        assert_edges(video, result, start, stop, 0.1)


@pytest.mark.parametrize(("gop", "b_frames"), GROUPS)
def test_finds_stretches_of_half_the_gap_by_their_cuts(gop: int, b_frames: int) -> None:
    found = 0
    for seed in range(40):
        video, start, stop = one_stretch(15 + seed % 15, seed, gop=gop, b_frames=b_frames)
        result = survey(video, Adaptive(seed=LOOKS_SEED + seed))
        if result.hit:
            found += 1
            assert_edges(video, result, start, stop, 0.1)
    assert found >= 38  # 95 %


@pytest.mark.parametrize(("gop", "b_frames"), GROUPS)
@pytest.mark.parametrize("how", ["all alike", "padded", "padded here", "huge keyframes", "flooded"])
def test_finds_stretches_of_half_the_gap_where_packets_were_padded_to_hide_them(
    how: Tampering, gop: int, b_frames: int
) -> None:
    found = 0
    for seed in range(40):
        video, start, _ = one_stretch(15 + seed % 15, seed, gop=gop, b_frames=b_frames)
        found += survey(tampered(video, how, start, seed), Adaptive(seed=LOOKS_SEED + seed)).hit
    assert found >= 38  # 95 %


@pytest.mark.parametrize(("gop", "b_frames"), GROUPS)
@pytest.mark.parametrize("p_bytes", [2_000, 3_000, 12_000])
def test_finds_every_stretch_of_half_the_gap_in_noise_and_motion(
    p_bytes: int, gop: int, b_frames: int
) -> None:
    """Frames between keyframes are large there, and a cut need not be larger."""
    for seed in range(20):
        scores = flag(450, (2 + 0.3 * seed, 2.5 + 0.3 * seed))
        video = simulate(
            scores, gop=gop, b_frames=b_frames, telling=False, p_bytes=p_bytes, seed=seed
        )
        assert survey(video, Adaptive(seed=LOOKS_SEED + seed)).hit


@pytest.mark.parametrize("edge_seconds", [0.05, 0.25])
def test_edges_are_known_as_well_as_asked(edge_seconds: float) -> None:
    for seed in range(20):
        video, start, stop = one_stretch(90, seed, gop=60, b_frames=2)
        result = survey(video, Adaptive(seed=LOOKS_SEED + seed, edge_seconds=edge_seconds))
        assert_edges(video, result, start, stop, edge_seconds)


def test_finds_stretches_at_variable_frame_rate() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        seconds = np.concatenate(([0.0], np.cumsum(rng.uniform(0.005, 0.09, 399))))
        start = float(rng.uniform(0, seconds[-1] - 1.2))
        flagged = (seconds >= start) & (seconds < start + 1.2)
        scores = np.where(flagged, 0.95, 0.05).astype(np.float32)
        video = simulate(scores, seconds=seconds, gop=40, b_frames=2, telling=False, seed=seed)
        result = survey(video, Adaptive(seed=LOOKS_SEED + seed))
        assert result.hit
        first, last = np.flatnonzero(flagged)[[0, -1]]
        assert_edges(video, result, int(first), int(last) + 1, 0.1)


def test_finds_every_one_of_several_stretches() -> None:
    scores = flag(1800, (0, 1.5), (4, 5), (20.3, 21.5), (22.6, 30), (58.9, 60))
    for gop in (30, 60, 250, 1800):
        video = simulate(scores, gop=gop, b_frames=2)
        result = survey(video, Adaptive())
        found = segments(video.table, video.span, result.looks, (NSFW,))
        expected = [(0, 1.5), (4, 5), (20.3, 21.5), (22.6, 30), (58.9, 60)]
        actual = [(s.start_seconds, s.end_seconds) for s in found]
        assert np.allclose(actual, expected, atol=0.1 + 1e-6), gop


class TestAdversarialClips:
    @pytest.mark.parametrize("b_frames", [0, 2])
    def test_stretches_that_spare_every_keyframe(self, b_frames: int) -> None:
        scores = np.where(np.arange(900) % 30 == 0, 0.05, 0.95).astype(np.float32)
        assert survey(simulate(scores, gop=30, b_frames=b_frames), Adaptive()).hit

    def test_stretches_that_spare_every_keyframe_and_do_not_show_in_the_packets(self) -> None:
        """Then only the looks at random places remain."""
        scores = np.where(np.arange(1800) % 30 == 0, 0.05, 0.95).astype(np.float32)
        video = simulate(scores, gop=30, telling=False)
        hits = [survey(video, Adaptive(seed=LOOKS_SEED + seed)).hit for seed in range(20)]
        assert sum(hits) >= 19

    @pytest.mark.parametrize("every", [5, 10, 30, 47, 100])
    @pytest.mark.parametrize("b_frames", [0, 2])
    def test_one_flagged_frame_in_every_so_many(self, every: int, b_frames: int) -> None:
        scores = np.where(np.arange(900) % every == every - 2, 0.95, 0.05).astype(np.float32)
        video = simulate(scores, gop=60, b_frames=b_frames)
        assert survey(video, Adaptive()).hit

    def test_a_single_group_of_pictures(self) -> None:
        video = simulate(flag(1800, (33.3, 34.3)), gop=1800, telling=False)
        assert survey(video, Adaptive()).hit

    def test_slow_drift_is_classified_anew(self) -> None:
        """From clean to flagged within 40 s, so slowly that no frame differs from the last one."""
        drift = np.linspace(0, 1, 1200, dtype=np.float32)

        def luma(position: int) -> SmallLuma:
            return np.full((64, 64), 60 + 100 * drift[position], np.uint8)

        video = replace(simulate(drift, shots=np.zeros(1200, int), gop=60), luma=luma)
        result = survey(video, Adaptive())
        (segment,) = segments(video.table, video.span, result.looks, (NSFW,))
        # The drift passes the lower threshold at 24 s; 6 grey levels of it last 2.4 s.
        assert abs(segment.start_seconds - 24) <= 2.5
        assert segment.end_seconds == pytest.approx(40)

    def test_a_small_region_that_changes_is_seen(self) -> None:
        scores = flag(900, (10, 12))

        def luma(position: int) -> SmallLuma:
            picture = np.full((64, 64), 128, np.uint8)
            picture[30:34, 41:45] = 150 if scores[position] > 0.5 else 128
            return picture

        video = replace(simulate(scores, gop=30, telling=False), luma=luma)
        assert survey(video, Adaptive()).hit


class TestCost:
    def test_a_static_camera_saves_four_of_five_classifications(self) -> None:
        video = simulate(flag(1800), gop=60, b_frames=2, noise=1.5)
        result = survey(video, Adaptive())
        assert result.classified <= 0.2 * 60
        assert result.classified + result.reused == len(result.looks.frames)

    def test_decodes_one_frame_a_look_where_keyframes_come_often(self) -> None:
        video = simulate(flag(1800), gop=30, b_frames=2)
        assert survey(video, Adaptive()).decoded <= 1800 / 18

    def test_leaves_out_b_frames_and_the_ends_of_groups(self) -> None:
        video = simulate(flag(1800), gop=60, b_frames=2)
        assert survey(video, Adaptive()).decoded <= 1800 / 5

    def test_narrowing_an_edge_decodes_its_group_once(self) -> None:
        video = simulate(flag(1800, (0, 20.5)), gop=60)
        decoded = [plan.decoded for plan in survey(video, Adaptive()).passes]
        assert 0 < decoded[1] <= 60
        assert decoded[2:] == [0] * (len(decoded) - 2)

    def test_a_score_that_stays_near_its_threshold_costs_little(self) -> None:
        """Twice the looks, not one at every frame."""
        scores = np.full(1800, 0.65, np.float32)
        rng = np.random.default_rng(0)
        video = simulate(scores, shots=rng.integers(0, 50, 1800), gop=30, telling=False)
        result = survey(video, Adaptive(cut_looks_per_gap=0))
        assert len(result.looks.frames) <= 6 * 60

    def test_a_flood_of_cuts_costs_a_bounded_number_of_looks(self) -> None:
        shots = np.arange(1800) // 3
        video = simulate(np.zeros(1800, np.float32), shots=shots, gop=60, b_frames=0)
        assert len(Adaptive().plan(video.table, video.span).looks) <= 60 * 2.5 + 10
