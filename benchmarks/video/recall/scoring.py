"""How well what was found fits the truth. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TypeAlias

from benchmarks.video.results import RecallBin, RecallPolicy

Interval: TypeAlias = tuple[float, float]
"""Seconds from and to."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one policy found in one clip."""

    seed: int
    truth: Interval
    edge_error_seconds: float | None
    """Of both edges the worse; None where the flagged interval was not found."""
    false_alarms: int
    """Segments that do not touch the flagged interval."""
    video_seconds: float
    classified: int
    decoded: int

    @property
    def is_found(self) -> bool:
        """Whether a segment overlaps the flagged interval."""
        return self.edge_error_seconds is not None


def compare(truth: Interval, found: Sequence[Interval]) -> tuple[float | None, int]:
    """Edge error and false alarms of the segments that were found.

    An interval that was found in pieces begins with the first of them and ends with the last.
    """
    start, end = truth
    own = [segment for segment in found if segment[0] < end and segment[1] > start]
    if not own:
        return None, len(found)
    first, last = min(segment[0] for segment in own), max(segment[1] for segment in own)
    return max(abs(first - start), abs(last - end)), len(found) - len(own)


def by_length(policy: str, scores: Sequence[Score], edges: Sequence[float]) -> list[RecallBin]:
    """Recall of each class of lengths that has clips, by the length that the interval really has.

    The first class takes in what is shorter, the last one what is longer: lengths are whole frames.
    """
    bins = []
    for low, high in pairwise(edges):
        members = [score for score in scores if _class(score.truth, edges) == (low, high)]
        errors = [s.edge_error_seconds for s in members if s.edge_error_seconds is not None]
        if members:
            bins.append(
                RecallBin(
                    policy=policy,
                    at_least_seconds=low,
                    under_seconds=high,
                    clips=len(members),
                    found=len(errors),
                    worst_edge_error_seconds=max(errors) if errors else None,
                    mean_edge_error_seconds=fmean(errors) if errors else None,
                    missed=tuple(s.seed for s in members if not s.is_found),
                )
            )
    return bins


def cost(policy: str, scores: Sequence[Score], seconds: float) -> RecallPolicy:
    """What a policy did for a minute of video, on average.

    Args:
        policy: Its name.
        scores: Of all clips.
        seconds: Wall-clock time that they took together.
    """
    video = sum(score.video_seconds for score in scores)
    return RecallPolicy(
        policy=policy,
        clips=len(scores),
        video_seconds=video,
        classified_per_minute=60 * sum(score.classified for score in scores) / video,
        decoded_per_minute=60 * sum(score.decoded for score in scores) / video,
        seconds_per_minute=60 * seconds / video,
        false_alarms=sum(score.false_alarms for score in scores),
    )


def _class(truth: Interval, edges: Sequence[float]) -> Interval:
    length = truth[1] - truth[0] + 1e-9
    for low, high in pairwise(edges):
        if length < high:
            return low, high
    return edges[-2], edges[-1]
