from __future__ import annotations

import json

import pytest

from benchmarks.images.agreement import (
    MEDIAN_TOLERANCE,
    WORST_TOLERANCE,
    Agreement,
    WrongAnswerError,
    agreement,
)
from benchmarks.load import Answer

REFERENCES = {"a": {"normal": 0.75, "nsfw": 0.25}, "b": {"normal": 0.125, "nsfw": 0.875}}


def still(nsfw: float) -> list[dict[str, object]]:
    scores = [{"label": "normal", "score": 1 - nsfw}, {"label": "nsfw", "score": nsfw}]
    return sorted(scores, key=lambda entry: -float(str(entry["score"])))


def answer(files: tuple[str, ...], content: object, status: int = 200) -> Answer:
    return Answer(files, status, json.dumps(content).encode())


def test_equal_scores_agree() -> None:
    found = agreement([answer(("a",), still(0.25)), answer(("b",), still(0.875))], REFERENCES)
    assert found == Agreement(median=0.0, worst=0.0, scores=4)
    assert found.holds


def test_the_differences_of_all_labels_and_answers_count() -> None:
    found = agreement([answer(("a",), still(0.25)), answer(("b",), still(0.625))], REFERENCES)
    assert found == Agreement(median=0.125, worst=0.25, scores=4)
    assert not found.holds


def test_results_of_a_multi_answer_are_compared_with_the_files_in_their_order() -> None:
    right = answer(("b", "a"), [{"0": still(0.875)}, {"1": still(0.25)}])
    swapped = answer(("b", "a"), [{"0": still(0.25)}, {"1": still(0.875)}])
    assert agreement([right], REFERENCES).worst == 0
    assert agreement([swapped], REFERENCES).worst == 0.625


@pytest.mark.parametrize(
    "wrong",
    [
        answer(("a",), {"detail": "busy"}, status=503),
        answer(("a",), {"detail": "no list"}),
        answer(("a",), [{"label": "normal", "score": 1.0}]),
        answer(("a",), [{"label": "normal"}]),
        answer(("a", "b"), [{"0": still(0.25)}]),
        answer(("a", "b"), [{"1": still(0.25)}, {"0": still(0.875)}]),
        Answer(("a",), 200, b"not JSON"),
    ],
    ids=["status", "no list", "labels missing", "no score", "too few", "wrong keys", "no JSON"],
)
def test_a_wrong_answer_is_no_disagreement_but_an_error(wrong: Answer) -> None:
    with pytest.raises(WrongAnswerError):
        agreement([wrong], REFERENCES)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(WrongAnswerError, match="no answer"):
        agreement([], REFERENCES)


@pytest.mark.parametrize(
    ("median", "worst", "holds"),
    [
        (MEDIAN_TOLERANCE, WORST_TOLERANCE, True),
        (MEDIAN_TOLERANCE * 1.01, 0.0, False),
        (0.0, WORST_TOLERANCE * 1.01, False),
    ],
)
def test_agreement_needs_both_tolerances(median: float, worst: float, holds: bool) -> None:
    assert Agreement(median, worst, 8).holds is holds
