from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics import (
    Completion,
    Spread,
    paired_ratio,
    percentile,
    spread,
    steady_rate,
)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    st.floats(0, 100),
)
def test_a_percentile_is_that_of_numpy(values: list[float], percent: float) -> None:
    expected = np.percentile(values, percent)
    assert percentile(values, percent) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_a_percentile_of_nothing_or_out_of_range_is_refused(
    values: list[float], percent: float
) -> None:
    with pytest.raises(ValueError, match="percent"):
        percentile(values, percent)


def test_a_spread_holds_median_extremes_and_their_relative_distance() -> None:
    measured = spread([12.0, 8.0, 10.0])
    assert measured == Spread(median=10.0, low=8.0, high=12.0, repeats=3)
    assert measured.relative == pytest.approx(0.4)


def test_a_ratio_pairs_the_repeats_so_that_a_slow_hour_cancels_out() -> None:
    # The machine was half as fast in the last repeat, for both.
    assert paired_ratio([300, 310, 150], [100, 100, 50]) == Spread(3.0, 3.0, 3.1, 3)


def test_systems_that_were_not_measured_equally_often_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1.0, 2.0], [1.0])


def test_the_rate_of_an_even_flow_is_its_frequency() -> None:
    flow = [Completion(index / 50, 1) for index in range(500)]
    assert steady_rate(flow, 10) == pytest.approx(50)


@pytest.mark.parametrize("cut", range(0, 32, 5))
def test_the_rate_of_bursts_does_not_depend_on_where_the_window_cut_them(cut: int) -> None:
    # 32 answers within a tenth of a second, every four seconds: 8 images per second.
    bursts = [Completion(4 * burst + i / 320, 1) for burst in range(8) for i in range(32)]
    assert steady_rate(bursts[cut : len(bursts) - cut], 32) == pytest.approx(8, rel=0.01)


def test_a_rate_counts_images_rather_than_answers() -> None:
    assert steady_rate([Completion(float(second), 64) for second in range(12)], 12) == 64


def test_few_answers_have_no_rate() -> None:
    with pytest.raises(ValueError, match="measure longer"):
        steady_rate([Completion(float(second), 1) for second in range(5)], 5)


def test_answers_that_all_came_at_once_have_no_rate() -> None:
    with pytest.raises(ValueError, match="measure longer"):
        steady_rate([Completion(1.0, 1)] * 12, 10)


def test_a_single_burst_has_no_rate() -> None:
    with pytest.raises(ValueError, match="measure longer"):
        steady_rate([Completion(1 + i / 320, 1) for i in range(32)], 10)
