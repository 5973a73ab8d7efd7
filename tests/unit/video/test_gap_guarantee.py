"""No policy that promises a gap leaves a longer one, whatever the timestamps are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import SamplingPolicy
from deployments.video.sampling.steady import EveryFrame, Interval, Keyframes
from tests.unit.video.simulation import flag, simulate
from tests.unit.video.tables import frame_tables, spans

GAPS = st.floats(0.01, 3.0)


def assert_gap(table: FrameTable, span: range, looks: list[int], gap: float) -> None:
    assert looks == sorted(set(looks))
    assert all(look in span for look in looks)
    assert looks[0] == span.start
    for before, after in pairwise(looks):
        apart = table.seconds[after] - table.seconds[before]
        assert apart <= gap + 1e-5 or after == before + 1
    end = table.shown_until(span.stop - 1)
    assert end - table.seconds[looks[-1]] <= gap + 1e-5 or looks[-1] == span.stop - 1


@given(st.data(), frame_tables(), GAPS, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_adaptive_keeps_its_gap(
    data: st.DataObject, table: FrameTable, gap: float, seed: int
) -> None:
    span = data.draw(spans(table))
    policy = Adaptive(max_gap_seconds=gap, seed=seed)
    assert_gap(table, span, list(policy.plan(table, span).looks), gap)


@given(st.data(), frame_tables(), GAPS)
@settings(max_examples=100, deadline=None)
def test_keyframes_keeps_its_gap_and_leaves_out_no_keyframe(
    data: st.DataObject, table: FrameTable, gap: float
) -> None:
    span = data.draw(spans(table))
    looks = list(Keyframes(max_gap_seconds=gap).plan(table, span).looks)
    assert_gap(table, span, looks, gap)
    assert {i for i in span if table.keyframe[i]} <= set(looks)


@given(st.data(), frame_tables(), GAPS)
@settings(max_examples=100, deadline=None)
def test_interval_looks_at_the_frames_on_show_at_its_ticks(
    data: st.DataObject, table: FrameTable, interval: float
) -> None:
    span = data.draw(spans(table))
    start = table.seconds[span.start]
    looks = list(Interval(interval_seconds=interval).plan(table, span).looks)
    assert looks == sorted(set(looks))
    assert all(look in span for look in looks)
    ticks = int((table.shown_until(span.stop - 1) - start) / interval)
    for tick in {0, ticks // 2, max(ticks - 1, 0)}:
        time = start + tick * interval
        shown = [i for i in span if table.seconds[i] <= time + 1e-6]
        assert (shown[-1] if shown else span.start) in looks


def test_every_frame_leaves_out_none() -> None:
    table = simulate(flag(100)).table
    assert list(EveryFrame().plan(table, range(7, 60)).looks) == list(range(7, 60))


@pytest.mark.parametrize("policy", [Adaptive(seed=3), Keyframes(), Interval(), EveryFrame()])
def test_a_plan_is_the_same_each_time(policy: SamplingPolicy) -> None:
    table = simulate(flag(900, (3, 5)), gop=50, b_frames=2).table
    first, second = policy.plan(table, range(900)), policy.plan(table, range(900))
    assert list(first.looks) == list(second.looks)


def test_looks_inside_long_groups_move_with_the_seed() -> None:
    table = simulate(flag(1800), gop=1800).table
    plans = {tuple(Adaptive(seed=seed).plan(table, range(1800)).looks) for seed in range(5)}
    assert len(plans) == 5


def test_looks_are_keyframes_where_these_come_often_enough() -> None:
    """One decoded frame a look, but for the few at random places."""
    table = simulate(flag(1800), gop=30, b_frames=2).table
    looks = np.array(Adaptive().plan(table, range(1800)).looks)
    assert np.count_nonzero(~table.keyframe[looks]) <= 3
    assert 58 <= len(looks) <= 63


def test_looks_between_keyframes_lie_as_early_as_the_gap_allows() -> None:
    """The one look that a group of 1.5 s needs is half a second in: the rest is never decoded."""
    table = simulate(flag(900), gop=45).table
    looks = list(Adaptive(jitter=0, probe_share=0).plan(table, range(900)).looks)
    assert looks == [k + i for k in range(0, 900, 45) for i in (0, 15)]


def test_the_gap_is_halved_where_sizes_tell_nothing() -> None:
    """Every frame a keyframe: looks are cheap, and cuts do not show in the packets."""
    table = simulate(flag(900), gop=1).table
    looks = np.array(Adaptive(probe_share=0).plan(table, range(900)).looks)
    assert np.diff(table.seconds[looks]).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("gop", [1, 60, 5000])
def test_frames_at_one_time_do_not_hide_between_two_looks(gop: int) -> None:
    video = simulate(flag(5000), gop=gop, seconds=np.zeros(5000))
    looks = Adaptive().plan(video.table, video.span).looks
    assert max(after - before for before, after in pairwise([*looks, 5000])) <= 240
