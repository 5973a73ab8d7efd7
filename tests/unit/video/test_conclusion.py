"""From a request and a model to what is watched, and from looks to the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deployments.classifier.fake import fake_model
from deployments.errors import InvalidParameterError, UnknownLabelError
from deployments.types import ImageFacts
from deployments.video.analysis import Analysis, AnalysisRequest, LabelFound
from deployments.video.conclusion import Looked, Question, conclude
from deployments.video.sampling.policy import Looks
from deployments.video.timeline import SegmentRules, Work
from tests.unit.video.simulation import flag, simulate

FIVE = fake_model("five", ["drawings", "hentai", "neutral", "porn", "sexy"], ["porn", "sexy"])
CRANES = fake_model("cranes", ["crane", "other", "crane"])
FACTS = ImageFacts("animation", "gif", 8, 8, frames=10)
REQUEST = AnalysisRequest(model="five", score=0.7)
TABLE = simulate(flag(10), fps=10).table


def watched(question: Question) -> list[str]:
    return [threshold.label for threshold in question.thresholds]


class TestQuestion:
    def test_no_labels_mean_the_flagged_ones(self) -> None:
        question = Question.of(REQUEST, FIVE)
        assert watched(question) == ["porn", "sexy"]
        assert question.asked == 2

    def test_no_labels_mean_all_of_a_model_that_has_no_flagged_ones(self) -> None:
        assert watched(Question.of(REQUEST, replace(FIVE, flagged_labels=()))) == list(FIVE.labels)

    def test_flagged_labels_are_watched_behind_those_asked_for(self) -> None:
        question = Question.of(replace(REQUEST, labels=("neutral", "sexy")), FIVE)
        assert watched(question) == ["neutral", "sexy", "porn"]
        assert question.asked == 2

    def test_a_label_has_its_own_threshold_or_the_requests(self) -> None:
        question = Question.of(replace(REQUEST, thresholds=(("sexy", 0.4),)), FIVE)
        assert [t.enter for t in question.thresholds] == [0.7, 0.4]

    def test_a_flagged_label_that_was_not_asked_for_may_have_a_threshold(self) -> None:
        request = replace(REQUEST, labels=("neutral",), thresholds=(("porn", 0.4),))
        assert {t.label: t.enter for t in Question.of(request, FIVE).thresholds} == {
            "neutral": 0.7,
            "porn": 0.4,
            "sexy": 0.7,
        }

    def test_a_threshold_for_a_label_that_nobody_watches_is_a_mistake(self) -> None:
        with pytest.raises(InvalidParameterError, match="'neutral'"):
            Question.of(replace(REQUEST, thresholds=(("neutral", 0.4),)), FIVE)

    @pytest.mark.parametrize(
        "changes", [{"labels": ("cat",)}, {"thresholds": (("cat", 0.5),)}, {"labels": ("porn", "")}]
    )
    def test_an_unknown_label_is_a_mistake_that_names_the_known(
        self, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(UnknownLabelError, match="drawings, hentai"):
            Question.of(replace(REQUEST, **changes), FIVE)

    def test_classes_that_share_a_label_count_as_one_by_their_highest_score(self) -> None:
        question = Question.of(REQUEST, CRANES)
        assert watched(question) == ["crane", "other"]
        rows = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]], np.float32)
        expected = np.array([[0.7, 0.2], [0.6, 0.3]], np.float32)
        assert np.array_equal(question.columns(rows), expected)

    def test_matches_are_of_labels_asked_for_only(self) -> None:
        question = Question.of(replace(REQUEST, labels=("sexy",)), FIVE)
        row = np.array([0.75, 0.9], np.float32)
        assert list(question.matches(4, 0.4, row)) == [LabelFound("sexy", 5, 0.4, 0.75)]
        assert list(question.matches(4, 0.4, row - 0.1)) == []


def answer(
    request: AnalysisRequest, scores: list[float], *, span: range | None = None, **work: Any
) -> Analysis:
    """The analysis of ``sexy`` scores of the first frames; all other labels have none."""
    question = Question.of(request, FIVE)
    column = watched(question).index("sexy")
    rows = np.zeros((len(scores), len(question.thresholds)), np.float32)
    rows[:, column] = scores
    looks = Looks.of(dict(enumerate(rows)))
    done = Work(len(scores), len(scores), 0, **work)
    return conclude(request, question, FACTS, Looked("x", TABLE, span or range(10), looks, done))


LATE = [0.0] * 7 + [0.9] * 3


def test_what_was_asked_is_reported_and_a_flag_shows_whatever_was_asked() -> None:
    analysis = answer(replace(REQUEST, labels=("neutral",), scores=True), LATE)
    assert analysis.flagged is True
    assert [summary.label for summary in analysis.labels] == ["neutral"]
    assert analysis.segments == ()
    assert {look.scores for look in analysis.series} == {(0.0,)}


def test_a_segment_too_short_to_count_does_not_flag() -> None:
    request = replace(REQUEST, rules=SegmentRules(min_seconds=0.5))
    analysis = answer(request, LATE)
    assert (analysis.flagged, analysis.segments) == (False, ())
    assert analysis.labels[1].first is not None


def test_only_a_whole_look_lets_a_segment_reach_the_ranges_end() -> None:
    scores = [0.0] * 4 + [0.9]
    [whole] = answer(REQUEST, scores).segments
    [stopped] = answer(REQUEST, scores, stopped_early=True).segments
    assert (whole.start_frame, whole.end_frame) == (5, 10)
    assert (stopped.start_frame, stopped.end_frame) == (5, 5)


def test_the_series_has_every_look_and_says_which_were_reused() -> None:
    question = Question.of(REQUEST, FIVE)
    rows = {i: np.full(2, i / 10, np.float32) for i in (0, 3, 6)}
    looks = Looks.of(rows, reused={3: 0})
    looked = Looked("x", TABLE, range(10), looks, Work(3, 2, 1))
    series = conclude(replace(REQUEST, scores=True), question, FACTS, looked).series
    assert [(look.frame, look.reused) for look in series] == [(1, False), (4, True), (7, False)]
    assert series[2].scores == pytest.approx((0.6, 0.6))
    assert conclude(REQUEST, question, FACTS, looked).series == ()
