"""From a request to the labels it is about, and from looks to what it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from deployments.errors import InvalidParameterError
from deployments.types import ImageFacts, ModelInfo, Scores, VideoFacts
from deployments.verdicts import resolve_labels
from deployments.video.analysis import Analysis, AnalysisRequest, LabelFound, LookedAt
from deployments.video.hysteresis import LabelThreshold
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks
from deployments.video.timeline import Work, coverage, segments, summarise


@dataclass(frozen=True, slots=True)
class Question:
    """A request's labels, settled with its model.

    The model's flagged labels are always watched, whichever are asked for: asking about other
    labels must not hide that a video is flagged.
    """

    model: ModelInfo
    thresholds: tuple[LabelThreshold, ...]
    """``[Q]`` of the labels that are watched; those asked for come first."""
    asked: int
    """How many of them were asked for."""
    classes: tuple[tuple[int, ...], ...] = field(repr=False)
    """``[Q]`` class indices: several classes may share a label."""

    @classmethod
    def of(cls, request: AnalysisRequest, model: ModelInfo) -> Question:
        """Settle a request.

        Raises:
            UnknownLabelError: A label that the model cannot return.
            InvalidParameterError: A threshold for a label that is neither asked for nor flagged.
        """
        asked = _names(model, request.labels)
        flagged = _names(model, model.flagged_labels) if model.flagged_labels else ()
        watched = tuple(dict.fromkeys((*asked, *flagged)))
        own = dict(request.thresholds)
        resolve_labels(model, tuple(own))
        if idle := own.keys() - watched:
            raise InvalidParameterError(
                f"There is a threshold for {min(idle)!r}, which is not among the labels asked for."
            )
        classes = tuple(resolve_labels(model, (name,)) for name in watched)
        thresholds = (LabelThreshold.at(name, own.get(name, request.score)) for name in watched)
        return cls(model, tuple(thresholds), len(asked), classes)

    def columns(self, rows: Scores) -> Scores:
        """The watched labels' scores ``[N, Q]`` of the model's ``[N, L]``."""
        return np.stack([rows[:, list(c)].max(axis=1) for c in self.classes], axis=1)

    def matches(self, position: int, seconds: float, row: Scores) -> Iterable[LabelFound]:
        """The labels asked for that one look ``[Q]`` shows.

        Args:
            position: The frame's, counted from 0.
            seconds: The frame's time.
            row: Its scores.
        """
        for threshold, score in zip(self.thresholds[: self.asked], row, strict=False):
            if score >= threshold.enter:
                yield LabelFound(threshold.label, position + 1, seconds, float(score))


@dataclass(frozen=True, slots=True)
class Looked:
    """How a video was looked at, and what came of it."""

    sampling: str
    """The policy's name."""
    table: FrameTable
    span: range
    """Positions that were asked about."""
    looks: Looks
    """With a column for each of `Question.thresholds`."""
    work: Work


def conclude(
    request: AnalysisRequest,
    question: Question,
    facts: VideoFacts | ImageFacts,
    looked: Looked,
    sheet: bytes | None = None,
) -> Analysis:
    """The answer to a request, once all looks are taken.

    Args:
        request: What was asked.
        question: Its labels.
        facts: What was looked at.
        looked: The looks.
        sheet: The contact sheet, where one was asked for.
    """
    table, looks, asked = looked.table, looked.looks, question.asked
    seen = looked.span
    if looked.work.stopped_early:
        # Behind the last look nothing is known, so no segment may reach there.
        seen = range(seen.start, int(looks.frames[-1]) + 1)
    found = segments(table, seen, looks, question.thresholds, request.rules)
    labels = {threshold.label for threshold in question.thresholds[:asked]}
    flagged = set(question.model.flagged_labels)
    return Analysis(
        facts=facts,
        revision=question.model.revision,
        flagged_labels=question.model.flagged_labels,
        labels=tuple(summarise(table, looks, question.thresholds[:asked])),
        segments=tuple(segment for segment in found if segment.label in labels),
        coverage=coverage(looked.sampling, table, looked.span, looks, looked.work),
        flagged=any(segment.label in flagged for segment in found) if flagged else None,
        series=_series(table, looks, asked) if request.scores else (),
        sheet=sheet,
    )


def _names(model: ModelInfo, labels: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(model.labels[i] for i in resolve_labels(model, labels)))


def _series(table: FrameTable, looks: Looks, asked: int) -> tuple[LookedAt, ...]:
    return tuple(
        LookedAt(int(frame) + 1, float(table.seconds[frame]), tuple(row), bool(frame != source))
        for frame, source, row in zip(
            looks.frames, looks.sources, looks.scores[:, :asked].tolist(), strict=True
        )
    )
