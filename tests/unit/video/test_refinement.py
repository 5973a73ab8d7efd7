"""Where the next looks go."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.video.hysteresis import LabelThreshold
from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.policy import Looks
from deployments.video.sampling.refinement import Bracket, edge_brackets, uncertain_brackets
from tests.unit.video.simulation import NSFW, flag, simulate, survey

TABLE = simulate(flag(300), gop=60).table


def looks(scores: dict[int, float], reused: dict[int, int] | None = None) -> Looks:
    return Looks.of({i: np.array([s], np.float32) for i, s in scores.items()}, reused)


def test_an_edge_is_bracketed_by_its_two_looks() -> None:
    seen = looks({0: 0.1, 30: 0.9, 60: 0.8, 90: 0.1})
    assert edge_brackets(TABLE, seen, (NSFW,), 0.1) == [Bracket(0, 30), Bracket(60, 90)]


def test_a_narrow_edge_is_left_alone() -> None:
    assert edge_brackets(TABLE, looks({10: 0.1, 13: 0.9}), (NSFW,), 0.1) == []
    assert edge_brackets(TABLE, looks({10: 0.1, 14: 0.9}), (NSFW,), 0.1) == [Bracket(10, 14)]


def test_labels_share_a_bracket() -> None:
    rows = {i: np.array(row, np.float32) for i, row in {0: (0, 0), 30: (0.9, 0.9)}.items()}
    thresholds = (LabelThreshold.at("a", 0.7), LabelThreshold.at("b", 0.5))
    assert edge_brackets(TABLE, Looks.of(rows), thresholds, 0.1) == [Bracket(0, 30)]


def test_a_keyframe_decides_first_which_group_is_decoded() -> None:
    assert Bracket(40, 100).middle(TABLE) == 60
    assert Bracket(61, 90).middle(TABLE) in (75, 76)


def test_held_frames_are_all_that_bisecting_may_ask_for() -> None:
    bracket = Bracket(60, 90)
    held = set(bracket.middles(TABLE, 0.1))
    for edge in range(61, 91):
        low, high = bracket.low, bracket.high
        while Bracket(low, high).is_open(TABLE, 0.1):
            middle = Bracket(low, high).middle(TABLE)
            assert middle in held
            low, high = (low, middle) if middle >= edge else (middle, high)


def test_nearly_reached_thresholds_are_looked_into() -> None:
    seen = looks({0: 0.1, 30: 0.6, 60: 0.1, 90: 0.1})
    found = uncertain_brackets(TABLE, seen, (NSFW,), 0.15, 0.5, 0.1)
    assert found == [Bracket(0, 30), Bracket(30, 60)]


def test_plateaus_near_the_threshold_are_cut_once_and_not_where_nothing_changed() -> None:
    seen = looks({0: 0.6, 15: 0.6, 45: 0.6, 75: 0.6}, reused={75: 45})
    assert uncertain_brackets(TABLE, seen, (NSFW,), 0.15, 0.5, 0.1) == [Bracket(15, 45)]


def test_a_hidden_peak_is_climbed() -> None:
    """The score passes its threshold for a tenth of a second, but rises for a second before."""
    times = np.arange(600) / 30
    scores = np.clip(0.78 - 0.2 * np.abs(times - 10.27), 0.05, 1).astype(np.float32)
    video = simulate(scores, shots=np.arange(600), gop=60, telling=False)
    result = survey(video, Adaptive(cut_looks_per_gap=0, probe_share=0))
    assert result.hit


def test_many_edges_are_narrowed_a_few_at_a_time() -> None:
    """So that the pictures held stay few."""
    stretches = [(t + 0.4, t + 1.9) for t in range(1, 119, 3)]
    video = simulate(flag(3600, *stretches), gop=60)
    policy = Adaptive()
    plan = policy.plan(video.table, video.span)
    seen = Looks.of({i: video.scores[i] for i in plan.looks})
    second = policy.refine(video.table, video.span, seen, (NSFW,))
    assert len(second.held) <= 16 * 15
    result = survey(video, policy)
    assert edge_brackets(video.table, result.looks, (NSFW,), 0.1) == []


def test_fine_edges_of_long_gaps_hold_few_pictures_too() -> None:
    video = simulate(flag(3600, (31, 70)), gop=3600, telling=False)
    policy = Adaptive(max_gap_seconds=30, edge_seconds=0.04)
    plan = policy.plan(video.table, video.span)
    seen = Looks.of({i: video.scores[i] for i in plan.looks})
    held = 0
    while following := policy.refine(video.table, video.span, seen, (NSFW,)):
        held = max(held, len(following.held))
        rows = dict(zip(seen.frames.tolist(), seen.scores, strict=True))
        seen = Looks.of(rows | {i: video.scores[i] for i in following.looks})
    assert 15 <= held <= 2 * 16
    assert edge_brackets(video.table, seen, (NSFW,), 0.04) == []
    decoding = [plan for plan in survey(video, policy).passes if plan.decoded]
    assert len(decoding) <= 1 + 2 * 3  # each edge in at most three steps of a sixteenth


@given(st.lists(st.floats(0, 1, width=32), min_size=60, max_size=60), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_refining_ends_with_every_edge_known(values: list[float], gop: int) -> None:
    scores = np.repeat(np.array(values, np.float32), 5)
    video = simulate(scores, shots=np.arange(300), gop=gop)
    result = survey(video, Adaptive())
    assert edge_brackets(video.table, result.looks, (NSFW,), 0.1) == []
