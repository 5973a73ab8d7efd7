"""What may be reused, and what is a cut."""

from __future__ import annotations

import numpy as np
import pytest

from deployments.video.sampling.change import (
    CutDetector,
    ReuseGate,
    SmallLuma,
    largest_local_change,
    mean_change,
)


def grey(level: int) -> SmallLuma:
    return np.full((64, 64), level, np.uint8)


def with_block(level: int, top: int, left: int, side: int = 4) -> SmallLuma:
    picture = grey(100)
    picture[top : top + side, left : left + side] = level
    return picture


@pytest.mark.parametrize(("top", "left"), [(0, 0), (30, 17), (2, 2), (60, 60), (33, 61)])
def test_a_block_that_changes_counts_in_full_wherever_it_is(top: int, left: int) -> None:
    side = 4
    assert largest_local_change(grey(100), with_block(140, top, left, side)) >= 29.9
    assert mean_change(grey(100), with_block(140, top, left)) < 0.2


def test_change_has_no_sign_and_no_overflow() -> None:
    assert largest_local_change(grey(0), grey(255)) == pytest.approx(255)
    assert mean_change(grey(255), grey(0)) == pytest.approx(255)


class TestReuse:
    def test_the_first_look_is_classified(self) -> None:
        assert ReuseGate().source(7, 0.0, grey(100)) == 7

    def test_noise_is_no_change(self) -> None:
        rng = np.random.default_rng(0)
        gate = ReuseGate()
        for i in range(10):
            noisy = np.clip(rng.normal(100, 1.5, (64, 64)), 0, 255).astype(np.uint8)
            assert gate.source(i, i * 0.5, noisy) == 0

    def test_a_small_region_is_a_change(self) -> None:
        gate = ReuseGate()
        gate.source(0, 0.0, grey(100))
        assert gate.source(30, 1.0, with_block(120, 10, 50)) == 30

    def test_it_is_compared_with_the_last_classified_frame(self) -> None:
        """A drift of 2 levels a look is seen at the fourth, though each step is small."""
        gate = ReuseGate(max_change=6.0)
        assert [gate.source(i, i, grey(100 + 2 * i)) for i in range(6)] == [0, 0, 0, 0, 4, 4]

    def test_scores_grow_old(self) -> None:
        gate = ReuseGate(max_reuse_seconds=10.0)
        sources = [gate.source(i, float(i), grey(100)) for i in range(13)]
        assert sources == [0] * 11 + [11] * 2


class TestCuts:
    def test_a_sudden_change_is_a_cut_and_what_follows_is_none(self) -> None:
        detector = CutDetector()
        levels = [100, 100, 100, 140, 140, 140]
        cuts = [detector.is_cut(i / 30, grey(level)) for i, level in enumerate(levels)]
        assert cuts == [False, False, False, True, False, False]

    def test_steady_motion_is_none(self) -> None:
        rng = np.random.default_rng(0)
        detector = CutDetector()
        cuts = [
            detector.is_cut(i / 30, rng.integers(80, 120, (64, 64)).astype(np.uint8))
            for i in range(40)
        ]
        assert not any(cuts[2:])  # the first change has nothing to be compared with

    def test_one_frame_that_flashes_is_seen(self) -> None:
        detector = CutDetector()
        cuts = [detector.is_cut(i / 30, grey(200 if i == 20 else 100)) for i in range(40)]
        assert [i for i, cut in enumerate(cuts) if cut] == [20, 21]

    def test_a_flicker_tells_no_more_than_so_many(self) -> None:
        detector = CutDetector(gap_seconds=1.0, most_per_gap=4, ratio=0.0)
        cuts = [detector.is_cut(i / 30, grey(200 if i % 2 else 100)) for i in range(90)]
        assert sum(cuts) == 12
