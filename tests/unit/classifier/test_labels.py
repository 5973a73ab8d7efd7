"""Labels, their scores' function, and those that flag media."""

from __future__ import annotations

import pytest

from deployments.classifier.labels import Activation, activation, flagged_labels, ordered_labels
from deployments.errors import UnknownLabelError, UnsupportedModelError

GANTMAN = ["drawings", "hentai", "neutral", "porn", "sexy"]


@pytest.mark.parametrize(
    ("problem_type", "labels", "expected"),
    [
        (None, 2, Activation.SOFTMAX),
        (None, 1, Activation.SIGMOID),
        ("single_label_classification", 5, Activation.SOFTMAX),
        ("single_label_classification", 1, Activation.SIGMOID),
        ("multi_label_classification", 5, Activation.SIGMOID),
        ("regression", 1, Activation.NONE),
        ("regression", 3, Activation.NONE),
    ],
)
def test_scores_are_made_as_the_pipeline_makes_them(
    problem_type: str | None, labels: int, expected: Activation
) -> None:
    assert activation(problem_type, labels) is expected


def test_labels_come_in_the_order_of_their_ids() -> None:
    assert ordered_labels({"10": "k", **{str(i): chr(97 + i) for i in range(10)}})[-1] == "k"
    assert ordered_labels({1: "nsfw", 0: "normal"}) == ("normal", "nsfw")


def test_labels_that_are_numbers_become_strings() -> None:
    assert ordered_labels({0: 0, 1: 1}) == ("0", "1")  # type: ignore[dict-item]


def test_two_classes_may_share_a_name() -> None:
    assert ordered_labels({0: "crane", 1: "crane"}) == ("crane", "crane")


@pytest.mark.parametrize("ids", [{}, None, {0: "a", 2: "c"}, {"a": "0"}, {1: "a"}])
def test_ids_with_holes_are_refused(ids: dict[int, str] | None) -> None:
    with pytest.raises(UnsupportedModelError):
        ordered_labels(ids)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["normal", "nsfw"], ["nsfw"]),
        (["NSFW", "SFW"], ["NSFW"]),
        (GANTMAN, ["hentai", "porn", "sexy"]),
        (["Unsafe Content", "Safe Content"], ["Unsafe Content"]),
        (
            ["Anime Picture", "Hentai", "Normal", "Pornography", "Enticing or Sensual"],
            ["Hentai", "Pornography", "Enticing or Sensual"],
        ),
        (["not_nsfw", "nsfw"], ["nsfw"]),
        (["non-explicit", "explicit"], ["explicit"]),
        (["safe", "not safe for work"], ["not safe for work"]),
        (["sussex", "explicitly", "cat"], []),
        (["LABEL_0", "LABEL_1"], []),
        (["nsfw", "nsfw"], ["nsfw"]),
    ],
    ids=lambda labels: "-".join(labels) or "none",
)
def test_flagged_labels_are_inferred_from_well_known_words(
    labels: list[str], expected: list[str]
) -> None:
    assert flagged_labels(labels, None) == tuple(expected)


def test_chosen_flagged_labels_replace_the_inferred_ones() -> None:
    assert flagged_labels(GANTMAN, ["porn", "drawings"]) == ("porn", "drawings")
    assert flagged_labels(GANTMAN, []) == ()


def test_a_chosen_label_that_the_model_lacks_names_those_it_has() -> None:
    with pytest.raises(UnknownLabelError, match=r"'nsfw'.*drawings, hentai"):
        flagged_labels(GANTMAN, ["nsfw"])
