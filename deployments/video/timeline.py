"""From looks to the answer: what was seen, when, and how closely the video was looked at.

Frames count from 1 here, as clients count them; seconds are presentation time from the video's
first frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.video.hysteresis import LabelThreshold, inside
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of the video."""

    frame: int
    time_seconds: float


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """One label over the whole range."""

    label: str
    max_score: float
    first: Moment | None
    """The first look at or over the threshold; None where there is none."""
    peak: Moment
    """The first look with the highest score."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in which one label is seen."""

    label: str
    start_seconds: float
    """When its first frame appears."""
    end_seconds: float
    """When its last frame ceases to be shown."""
    start_frame: int
    end_frame: int
    """The last frame, itself within the segment."""
    peak_score: float
    peak_seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """What an executor did to look at a video."""

    frames_decoded: int
    frames_classified: int
    frames_reused: int
    """Looks that took over the score of a frame that looks the same."""
    frames_failed: int = 0
    """Looks that could not be had."""
    stopped_early: bool = False
    """Whether it ended before every look was taken, because what was asked for was found."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How closely the range was looked at."""

    sampling: str
    frames_decoded: int
    frames_classified: int
    frames_reused: int
    frames_failed: int
    largest_gap_seconds: float
    """Longest time without a look: between two neighbours, or up to the range's last frame."""
    complete: bool
    """False where looks failed, or where the work ended with the first hit."""


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """How looks become segments, beyond the thresholds."""

    min_seconds: float = 0.0
    """Shorter segments are left out; the labels' summaries still tell of them."""
    merge_gap_seconds: float = 0.0
    """Segments of one label that are no farther apart become one."""


def summarise(
    table: FrameTable, looks: Looks, thresholds: Sequence[LabelThreshold]
) -> list[LabelSummary]:
    """Each label's highest score and first match, in the order asked.

    Args:
        table: The video's frames.
        looks: All looks, at least one.
        thresholds: ``[Q]``.
    """
    return [_summary(table, looks, i, threshold) for i, threshold in enumerate(thresholds)]


def segments(
    table: FrameTable,
    span: range,
    looks: Looks,
    thresholds: Sequence[LabelThreshold],
    rules: SegmentRules | None = None,
) -> list[Segment]:
    """The stretches in which labels are seen, by start and then in the order asked.

    An edge lies somewhere between a look inside the stretch and its neighbour outside. It is put
    at the middle of the two in time, so that it is wrong by half their distance at most, whichever
    way; where they are neighbouring frames it is exact. A stretch that holds the range's first or
    last look reaches to the range's end. Every look inside lies in the segment, none outside does.

    Args:
        table: The video's frames.
        span: Positions that are asked about.
        looks: All looks.
        thresholds: ``[Q]``.
        rules: None: the defaults.
    """
    rules = rules or SegmentRules()
    found: list[tuple[int, Segment]] = []
    for column, threshold in enumerate(thresholds):
        stretches = _merged(table, _stretches(table, span, looks, column, threshold), rules)
        made = (_segment(table, looks, column, threshold.label, s) for s in stretches)
        found += [
            (column, segment)
            for segment in made
            if segment.end_seconds - segment.start_seconds >= rules.min_seconds
        ]
    found.sort(key=lambda entry: (entry[1].start_seconds, entry[0]))
    return [segment for _, segment in found]


def coverage(sampling: str, table: FrameTable, span: range, looks: Looks, work: Work) -> Coverage:
    """How closely the range was looked at.

    Args:
        sampling: The policy's name.
        table: The video's frames.
        span: Positions that were asked about.
        looks: All looks that succeeded.
        work: What was done for them.
    """
    marks = np.unique(np.concatenate((looks.frames, [span.start, span.stop - 1])))
    gaps = np.diff(table.seconds[marks])
    return Coverage(
        sampling=sampling,
        frames_decoded=work.frames_decoded,
        frames_classified=work.frames_classified,
        frames_reused=work.frames_reused,
        frames_failed=work.frames_failed,
        largest_gap_seconds=float(gaps.max(initial=0.0)),
        complete=not work.frames_failed and not work.stopped_early,
    )


def _summary(
    table: FrameTable, looks: Looks, column: int, threshold: LabelThreshold
) -> LabelSummary:
    scores = looks.scores[:, column]
    matches = (scores >= threshold.enter).nonzero()[0]
    peak = int(scores.argmax())
    return LabelSummary(
        label=threshold.label,
        max_score=float(scores[peak]),
        first=_moment(table, looks, int(matches[0])) if len(matches) else None,
        peak=_moment(table, looks, peak),
    )


def _moment(table: FrameTable, looks: Looks, look: int) -> Moment:
    position = int(looks.frames[look])
    return Moment(position + 1, float(table.seconds[position]))


def _stretches(
    table: FrameTable, span: range, looks: Looks, column: int, threshold: LabelThreshold
) -> list[range]:
    """Positions of the frames of each stretch, in order."""
    seen = inside(looks.scores[:, column], threshold)
    flips = np.diff(seen, prepend=False, append=False).nonzero()[0]
    return [
        range(
            _first_behind_edge(table, looks, int(first), span.start),
            _first_behind_edge(table, looks, int(end), span.stop),
        )
        for first, end in zip(flips[::2], flips[1::2], strict=True)
    ]


def _first_behind_edge(table: FrameTable, looks: Looks, look: int, outermost: int) -> int:
    """Position of the first frame behind the edge between a look and the one before it.

    The middle belongs to the frames behind the edge.
    """
    if not 0 < look < len(looks.frames):
        return outermost
    before, after = int(looks.frames[look - 1]), int(looks.frames[look])
    middle = float(table.seconds[before] + table.seconds[after]) / 2
    return min(max(table.first_at_or_after(middle), before + 1), after)


def _merged(table: FrameTable, stretches: list[range], rules: SegmentRules) -> list[range]:
    if rules.merge_gap_seconds <= 0:
        return stretches
    merged: list[range] = []
    for stretch in stretches:
        if merged:
            ended = table.shown_until(merged[-1].stop - 1)
            if table.seconds[stretch.start] - ended <= rules.merge_gap_seconds:
                merged[-1] = range(merged[-1].start, stretch.stop)
                continue
        merged.append(stretch)
    return merged


def _segment(table: FrameTable, looks: Looks, column: int, label: str, stretch: range) -> Segment:
    first, end = np.searchsorted(looks.frames, (stretch.start, stretch.stop))
    peak = int(first) + int(looks.scores[first:end, column].argmax())
    return Segment(
        label=label,
        start_seconds=float(table.seconds[stretch.start]),
        end_seconds=table.shown_until(stretch.stop - 1),
        start_frame=stretch.start + 1,
        end_frame=stretch.stop,
        peak_score=float(looks.scores[peak, column]),
        peak_seconds=float(table.seconds[int(looks.frames[peak])]),
    )
