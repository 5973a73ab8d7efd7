"""From looks to labels, segments and coverage."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import InvalidParameterError
from deployments.video.hysteresis import LabelThreshold, inside
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks
from deployments.video.timeline import (
    Coverage,
    Moment,
    Segment,
    SegmentRules,
    Work,
    coverage,
    segments,
    summarise,
)
from tests.unit.video.simulation import flag, simulate
from tests.unit.video.tables import frame_tables, spans

TABLE = simulate(flag(1800)).table
ALL = range(1800)
NSFW = LabelThreshold("nsfw", enter=0.7, leave=0.6)


def looks(scores: dict[int, float]) -> Looks:
    return Looks.of({i: np.array([s], np.float32) for i, s in scores.items()})


def every_frame(scores: np.ndarray) -> Looks:
    return Looks.of({i: np.atleast_1d(s) for i, s in enumerate(scores)})


class TestHysteresis:
    def test_begins_over_one_threshold_and_goes_on_over_the_other(self) -> None:
        scores = np.array([0.65, 0.5, 0.65, 0.7, 0.65, 0.6, 0.59, 0.65], np.float32)
        expected = [False, False, True, True, True, True, False, False]
        assert inside(scores, LabelThreshold("a", 0.7, 0.6)).tolist() == expected

    def test_a_score_at_the_threshold_counts(self) -> None:
        assert inside(np.array([0.5], np.float32), LabelThreshold("a", 0.5, 0.5)).tolist() == [True]

    @pytest.mark.parametrize(("enter", "leave"), [(0.5, 0.6), (1.1, 0.5), (0.5, -0.1)])
    def test_thresholds_out_of_order_are_refused(self, enter: float, leave: float) -> None:
        with pytest.raises(InvalidParameterError, match="nsfw"):
            LabelThreshold("nsfw", enter, leave)

    def test_the_usual_distance_stays_over_zero(self) -> None:
        assert LabelThreshold.at("a", 0.05).leave == 0


class TestSegments:
    def test_every_frame_gives_exact_edges(self) -> None:
        """As in the HTTP contract's example: 20 s to 40 s are the frames 601 to 1200."""
        (segment,) = segments(TABLE, ALL, every_frame(flag(1800, (20, 40))), (NSFW,))
        assert segment == Segment(
            "nsfw",
            pytest.approx(20),
            pytest.approx(40),
            601,
            1200,
            pytest.approx(0.95),
            pytest.approx(20),
        )

    def test_an_edge_between_looks_lies_in_the_middle(self) -> None:
        (segment,) = segments(TABLE, ALL, looks({0: 0.1, 30: 0.9, 60: 0.1}), (NSFW,))
        assert (segment.start_seconds, segment.end_seconds) == pytest.approx((0.5, 1.5))
        assert (segment.start_frame, segment.end_frame) == (16, 45)

    def test_a_segment_with_the_outermost_look_reaches_to_the_ranges_end(self) -> None:
        (segment,) = segments(TABLE, range(300, 600), looks({300: 0.9, 570: 0.9}), (NSFW,))
        assert (segment.start_seconds, segment.end_seconds) == pytest.approx((10, 20))
        assert (segment.start_frame, segment.end_frame) == (301, 600)

    def test_the_peak_is_the_first_highest_look(self) -> None:
        (segment,) = segments(TABLE, ALL, looks({0: 0.8, 30: 0.9, 60: 0.9, 90: 0.1}), (NSFW,))
        assert (segment.peak_score, segment.peak_seconds) == pytest.approx((0.9, 1.0))

    def test_short_ones_are_left_out_on_request(self) -> None:
        seen = every_frame(flag(1800, (1, 1.2), (5, 6)))
        found = segments(TABLE, ALL, seen, (NSFW,), SegmentRules(min_seconds=0.5))
        assert [segment.start_frame for segment in found] == [151]

    def test_near_ones_are_joined_on_request(self) -> None:
        seen = every_frame(flag(1800, (1, 2), (2.5, 3), (4, 5)))
        found = segments(TABLE, ALL, seen, (NSFW,), SegmentRules(merge_gap_seconds=0.6))
        assert [(s.start_frame, s.end_frame) for s in found] == [(31, 90), (121, 150)]

    def test_they_are_joined_before_short_ones_are_left_out(self) -> None:
        seen = every_frame(flag(1800, (1, 1.3), (1.4, 1.7)))
        rules = SegmentRules(min_seconds=0.5, merge_gap_seconds=0.2)
        assert len(segments(TABLE, ALL, seen, (NSFW,), rules)) == 1

    def test_each_label_has_its_own_threshold_and_order_is_by_time(self) -> None:
        scores = np.stack([flag(1800, (10, 11)), flag(1800, (5, 6)) * 0.5], axis=1)
        thresholds = (NSFW, LabelThreshold("gore", 0.4, 0.3))
        found = segments(TABLE, ALL, every_frame(scores), thresholds)
        assert [(s.label, s.start_frame) for s in found] == [("gore", 151), ("nsfw", 301)]


def test_summaries_follow_the_order_asked_and_tell_of_labels_never_seen() -> None:
    scores = np.stack([flag(1800, (20, 21)), np.full(1800, 0.3, np.float32)], axis=1)
    scores[615, 0] = 0.99
    first, second = summarise(TABLE, every_frame(scores), (NSFW, LabelThreshold.at("gore", 0.5)))
    assert first.label == "nsfw"
    assert first.first == Moment(601, pytest.approx(20))
    assert first.peak == Moment(616, pytest.approx(20.5))
    assert first.max_score == pytest.approx(0.99)
    assert (second.label, second.first, second.peak.frame) == ("gore", None, 1)


class TestCoverage:
    def test_counts_and_largest_gap(self) -> None:
        work = Work(frames_decoded=100, frames_classified=3, frames_reused=1)
        seen = looks({0: 0.1, 30: 0.1, 75: 0.1, 90: 0.1})
        found = coverage("adaptive", TABLE, range(100), seen, work)
        assert found == Coverage("adaptive", 100, 3, 1, 0, pytest.approx(1.5), True)

    def test_the_range_s_ends_count(self) -> None:
        seen = looks({600: 0.1})
        gap = coverage("interval", TABLE, range(570, 700), seen, Work(1, 1, 0)).largest_gap_seconds
        assert gap == pytest.approx(3.3)

    @pytest.mark.parametrize("work", [Work(9, 8, 0, frames_failed=1), Work(9, 9, 0, 0, True)])
    def test_failures_and_early_ends_are_not_complete(self, work: Work) -> None:
        assert not coverage("adaptive", TABLE, ALL, looks({0: 0.1}), work).complete


@given(st.data(), frame_tables(most_frames=40), st.floats(0, 1), st.floats(0, 1), st.floats(0, 2))
@settings(max_examples=100, deadline=None)
def test_segments_are_ordered_disjoint_and_hold_exactly_the_looks_inside(
    data: st.DataObject, table: FrameTable, one: float, other: float, merge_gap: float
) -> None:
    span = data.draw(spans(table))
    positions = data.draw(st.sets(st.integers(span.start, span.stop - 1), min_size=1))
    seen = looks({i: data.draw(st.floats(0, 1, width=32)) for i in positions})
    threshold = LabelThreshold("a", max(one, other), min(one, other))
    is_inside = inside(seen.scores[:, 0], threshold)

    exact = segments(table, span, seen, (threshold,))
    within = [any(s.start_frame <= i + 1 <= s.end_frame for s in exact) for i in seen.frames]
    assert within == is_inside.tolist()
    merged = segments(table, span, seen, (threshold,), SegmentRules(merge_gap_seconds=merge_gap))
    for found in (exact, merged):
        for segment in found:
            assert segment.start_frame - 1 in span
            assert segment.end_frame - 1 in span
            assert segment.start_frame <= segment.end_frame
            assert segment.peak_score >= np.float32(threshold.enter)
        for before, after in pairwise(found):
            assert before.end_frame + 1 < after.start_frame
            assert before.end_seconds <= after.start_seconds
    hits = [
        i + 1 for i, s in zip(seen.frames, seen.scores[:, 0], strict=True) if s >= threshold.enter
    ]
    assert all(any(s.start_frame <= i <= s.end_frame for s in merged) for i in hits)
