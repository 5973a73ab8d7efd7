"""Do the scores that a system answers agree with those of ``transformers.pipeline``?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from benchmarks.load import Answer

MEDIAN_TOLERANCE = 1e-3
WORST_TOLERANCE = 2e-2

ScoreByLabel: TypeAlias = Mapping[str, float]
References: TypeAlias = Mapping[str, ScoreByLabel]
"""The pipeline's scores of every file, by file name."""


class WrongAnswerError(ValueError):
    """An answer is not what its route is to answer."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Absolute differences of scores, over all labels of all answers."""

    median: float
    worst: float
    scores: int

    @property
    def holds(self) -> bool:
        """Whether the differences are within the tolerances."""
        return self.median <= MEDIAN_TOLERANCE and self.worst <= WORST_TOLERANCE


def agreement(answers: Iterable[Answer], references: References) -> Agreement:
    """Compare every answer with the references.

    Raises:
        WrongAnswerError: A status other than 200, or an answer of another shape.
    """
    differences: list[float] = []
    for answer in answers:
        for file, scores in zip(answer.files, answered_scores(answer), strict=True):
            differences += score_differences(scores, references[file])
    if not differences:
        raise WrongAnswerError("there was no answer to compare")
    return Agreement(median(differences), max(differences), len(differences))


def score_differences(scores: ScoreByLabel, reference: ScoreByLabel) -> list[float]:
    """Absolute difference for each label.

    Raises:
        WrongAnswerError: The labels differ.
    """
    if scores.keys() != reference.keys():
        raise WrongAnswerError(f"labels {sorted(scores)} instead of {sorted(reference)}")
    return [abs(scores[label] - reference[label]) for label in reference]


def answered_scores(answer: Answer) -> Sequence[ScoreByLabel]:
    """The scores of each file of an answer, in the files' order.

    One file: ``[{"label", "score"}, …]``. Several: ``[{"0": <that>}, {"1": <that>}, …]``.

    Raises:
        WrongAnswerError: A status other than 200, or another shape.
    """
    if answer.status != 200:
        raise WrongAnswerError(f"status {answer.status}: {answer.body[:300]!r}")
    try:
        content = json.loads(answer.body)
        if len(answer.files) == 1:
            return [_by_label(content)]
        if len(content) != len(answer.files):
            raise WrongAnswerError(f"{len(content)} results for {len(answer.files)} files")
        return [_by_label(result[str(index)]) for index, result in enumerate(content)]
    except (ValueError, KeyError, TypeError) as error:
        raise WrongAnswerError(f"unexpected answer {answer.body[:300]!r}") from error


def _by_label(entries: Sequence[Mapping[str, object]]) -> ScoreByLabel:
    return {str(entry["label"]): float(str(entry["score"])) for entry in entries}
