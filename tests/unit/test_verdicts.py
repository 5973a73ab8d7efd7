"""Which label is found where."""

from __future__ import annotations

import numpy as np
import pytest

from deployments.errors import UnknownLabelError
from deployments.types import FitMode, InputSpec, ModelInfo
from deployments.verdicts import (
    Finding,
    FirstMatches,
    LabelQuery,
    label_scores,
    resolve_labels,
)


def info(*labels: str, flagged: tuple[str, ...] = ()) -> ModelInfo:
    return ModelInfo("m", None, labels, flagged, InputSpec(FitMode.NONE, 8, 8), 4)


def row(*scores: float) -> np.ndarray:
    return np.array(scores, np.float32)


ABC = info("a", "b", "c", flagged=("b",))


def test_scores_fall_and_ties_keep_class_order() -> None:
    assert [entry.label for entry in label_scores(ABC, row(0.2, 0.6, 0.2))] == ["b", "a", "c"]


def test_labels_default_to_the_flagged_ones_then_to_all() -> None:
    assert resolve_labels(ABC, None) == (1,)
    assert resolve_labels(ABC, []) == (1,)
    assert resolve_labels(info("a", "b"), None) == (0, 1)


def test_labels_keep_the_order_asked_without_repeats() -> None:
    assert resolve_labels(ABC, ["c", "a", "c"]) == (2, 0)


def test_an_unknown_label_names_the_models_labels() -> None:
    with pytest.raises(UnknownLabelError, match="a, b, c"):
        resolve_labels(ABC, ["a", "dog"])


def test_each_label_is_found_once_at_its_first_frame_at_or_over_the_threshold() -> None:
    matches = FirstMatches(ABC, LabelQuery("m", ("c", "a"), 0.5))
    assert matches.add(0, row(0.4, 1.0, 0.4)) == []
    assert matches.add(1, row(0.5, 0.0, 0.1)) == [Finding(1, "a", 0.5)]
    assert not matches.done
    assert [f.label for f in matches.add(2, row(0.9, 0.0, 0.9))] == ["c"]
    assert matches.done
    assert matches.add(3, row(1, 1, 1)) == []
    assert [(f.frame, f.label) for f in matches.findings] == [(1, "a"), (2, "c")]


def test_matches_of_one_frame_come_in_the_order_asked() -> None:
    matches = FirstMatches(ABC, LabelQuery("m", ("c", "a", "b"), 0.1))
    assert [f.label for f in matches.add(0, row(1, 1, 1))] == ["c", "a", "b"]


def test_stopping_on_the_first_keeps_all_matches_of_that_frame_and_nothing_later() -> None:
    matches = FirstMatches(ABC, LabelQuery("m", ("a", "b", "c"), 0.5, stop_on_first=True))
    matches.add(0, row(0.0, 0.0, 0.0))
    assert not matches.done
    assert [f.label for f in matches.add(1, row(0.6, 0.6, 0.0))] == ["a", "b"]
    assert matches.done
    assert matches.add(2, row(0, 0, 1)) == []


def test_classes_that_share_a_label_count_as_one_by_their_higher_score() -> None:
    cranes = info("crane", "dog", "crane")
    assert resolve_labels(cranes, ["crane"]) == (0, 2)
    matches = FirstMatches(cranes, LabelQuery("m", ("crane",), 0.5))
    assert matches.add(0, row(0.1, 0.1, 0.75)) == [Finding(0, "crane", 0.75)]
    assert matches.done
