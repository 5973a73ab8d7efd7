"""From scores to findings: which labels were asked for, and where each first reached its threshold.

Pure functions and one small accumulator, used for animations in the ingress and for videos in the
video deployment, so that both give the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployments.errors import UnknownLabelError
from deployments.types import LabelScore, ModelInfo, Scores


@dataclass(frozen=True, slots=True)
class LabelQuery:
    """What one request wants to know from one model."""

    model: str
    labels: tuple[str, ...] | None
    """None: the model's flagged labels where it has any, else all its labels."""
    score: float
    """Threshold, 0…1; a score at or over it matches."""
    stop_on_first: bool = False
    """Stop at the first frame in which any label matches; report that frame's matches."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first frame in which a label reached the threshold."""

    frame: int
    """As the caller counts: animations from 0, videos from 1."""
    label: str
    score: float


def label_scores(
    info: ModelInfo, row: Scores, classes: Sequence[int] | None = None
) -> list[LabelScore]:
    """Labels of one frame by falling score; ties keep class-index order.

    Args:
        info: The model that made the scores.
        row: ``[L]`` float32.
        classes: Indices of the classes to tell; None: all.
    """
    shown = range(len(row)) if classes is None else classes
    order = sorted(shown, key=lambda i: (-row[i], i))
    return [LabelScore(info.labels[i], float(row[i])) for i in order]


def resolve_labels(info: ModelInfo, labels: Sequence[str] | None) -> tuple[int, ...]:
    """Class indices of the labels asked for, in the order asked, without repeats.

    A label that several classes share (some ImageNet checkpoints have two named "crane") gives all
    of them.

    Raises:
        UnknownLabelError: A label that the model cannot return; the message names those it can.
    """
    if not labels:
        labels = info.flagged_labels or info.labels
    unknown = [label for label in labels if label not in info.labels]
    if unknown:
        raise UnknownLabelError(
            f"The model {info.name!r} has no label {unknown[0]!r}. "
            f"Its labels are: {', '.join(info.labels)}."
        )
    return tuple(
        i for label in dict.fromkeys(labels) for i, name in enumerate(info.labels) if name == label
    )


class FirstMatches:
    """Collects, frame by frame, the first match of every label of a query.

    Args:
        info: The model that makes the scores.
        query: What is asked of it.

    Raises:
        UnknownLabelError: A label that the model cannot return.
    """

    def __init__(self, info: ModelInfo, query: LabelQuery) -> None:
        self._query = query
        pending: dict[str, list[int]] = {}
        for i in resolve_labels(info, query.labels):
            pending.setdefault(info.labels[i], []).append(i)
        self._pending = pending
        self.findings: list[Finding] = []

    @property
    def done(self) -> bool:
        """True when no later frame can change the findings."""
        return not self._pending or (self._query.stop_on_first and bool(self.findings))

    def add(self, frame: int, row: Scores) -> list[Finding]:
        """Take one frame's scores ``[L]``, in frame order; returns what it newly found."""
        if self.done:
            return []
        new = [
            Finding(frame, label, score)
            for label, classes in self._pending.items()
            if (score := float(max(row[i] for i in classes))) >= self._query.score
        ]
        for finding in new:
            del self._pending[finding.label]
        self.findings += new
        return new
