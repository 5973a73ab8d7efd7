"""Where to look next: at the edges of what was found, and where a score nearly got there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deployments.video.hysteresis import LabelThreshold, inside
from deployments.video.sampling.frame_table import TIME_TOLERANCE_SECONDS, FrameTable
from deployments.video.sampling.policy import Looks

_CLEARLY_HIGHER = 0.02
"""Scores that differ by less are a plateau, where a look in between has no more to tell."""


@dataclass(frozen=True, slots=True, order=True)
class Bracket:
    """Two neighbouring looks with something unknown between them."""

    low: int
    high: int

    def is_open(self, table: FrameTable, seconds: float) -> bool:
        """Whether the looks are farther apart than ``seconds`` and a frame lies between them."""
        apart = table.seconds[self.high] - table.seconds[self.low]
        return self.high - self.low > 1 and bool(apart > seconds + TIME_TOLERANCE_SECONDS)

    def holds_keyframe(self, table: FrameTable) -> bool:
        """Whether a keyframe lies between the looks."""
        return bool(table.keyframe[self.low + 1 : self.high].any())

    def middle(self, table: FrameTable) -> int:
        """Position of the frame to look at: the keyframe nearest to the middle in time, so that
        only one group of pictures is left to be decoded; else the frame nearest to it.
        """
        between = np.arange(self.low + 1, self.high)
        if self.holds_keyframe(table):
            between = between[table.keyframe[between]]
        centre = (table.seconds[self.low] + table.seconds[self.high]) / 2
        return int(between[np.abs(table.seconds[between] - centre).argmin()])

    def middles(self, table: FrameTable, seconds: float) -> Iterator[int]:
        """Every frame that bisecting down to ``seconds`` can ask for, whatever the scores are."""
        if self.is_open(table, seconds):
            middle = self.middle(table)
            yield middle
            yield from Bracket(self.low, middle).middles(table, seconds)
            yield from Bracket(middle, self.high).middles(table, seconds)


def edge_brackets(
    table: FrameTable, looks: Looks, thresholds: Sequence[LabelThreshold], edge_seconds: float
) -> list[Bracket]:
    """Brackets in which a label begins or ends to be seen, in order of time, not yet narrow."""
    pairs: set[Bracket] = set()
    for column, threshold in enumerate(thresholds):
        flips = np.diff(inside(looks.scores[:, column], threshold)).nonzero()[0]
        pairs.update(_bracket(looks, int(i)) for i in flips)
    return sorted(pair for pair in pairs if pair.is_open(table, edge_seconds))


def open_end(span: range, looks: Looks, thresholds: Sequence[LabelThreshold]) -> list[int]:
    """The span's last frame, where a label is seen in the last look and that is an earlier one."""
    is_seen = any(inside(looks.scores[:, i], t)[-1] for i, t in enumerate(thresholds))
    return [span.stop - 1] if is_seen and looks.frames[-1] < span.stop - 1 else []


def uncertain_brackets(
    table: FrameTable,
    looks: Looks,
    thresholds: Sequence[LabelThreshold],
    band: float,
    wide_seconds: float,
    narrow_seconds: float,
) -> list[Bracket]:
    """Brackets beside scores that nearly reach the threshold, in order of time.

    Wide ones are cut where the picture changes. Narrow ones only at the foot of a peak, so that a
    score that stays near the threshold for long does not draw a look at every frame.

    Args:
        table: The video's frames.
        looks: All so far.
        thresholds: ``[Q]``.
        band: How far below the threshold a score is uncertain.
        wide_seconds: Brackets longer than this are wide.
        narrow_seconds: Brackets no longer than this are left alone.
    """
    found: set[Bracket] = set()
    changes = np.diff(looks.sources) != 0
    for column, threshold in enumerate(thresholds):
        scores = looks.scores[:, column]
        seen = inside(scores, threshold)
        uncertain = ~seen & (scores >= threshold.enter - band) & (scores < threshold.enter)
        peak = _peaks(scores)
        for i in uncertain.nonzero()[0]:
            least = narrow_seconds if peak[i] else wide_seconds
            for left in (int(i) - 1, int(i)):
                if 0 <= left < len(scores) - 1 and not seen[left : left + 2].any():
                    bracket = _bracket(looks, left)
                    if changes[left] and bracket.is_open(table, least):
                        found.add(bracket)
    return sorted(found)


def _bracket(looks: Looks, left: int) -> Bracket:
    return Bracket(int(looks.frames[left]), int(looks.frames[left + 1]))


def _peaks(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """``[n]`` scores that are clearly higher than both neighbours'."""
    padded = np.pad(scores, 1, constant_values=-1.0)
    return np.asarray(scores > np.maximum(padded[:-2], padded[2:]) + _CLEARLY_HIGHER, np.bool_)
