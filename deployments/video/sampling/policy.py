"""The seam between what is looked at and how it is decoded and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from deployments.media.packets import Int64Array
from deployments.types import Scores
from deployments.video.hysteresis import LabelThreshold
from deployments.video.sampling.frame_table import FrameTable


@dataclass(frozen=True, slots=True)
class Round:
    """What a policy wants to see next."""

    looks: Sequence[int]
    """Positions to score now, ascending."""
    held: Sequence[int] = ()
    """Positions, ascending, of which some will be asked for in the next rounds: the executor keeps
    their fitted pictures as it passes them, so that nothing is decoded twice. It may drop those
    that a later round does not name again."""

    @property
    def wanted(self) -> Sequence[int]:
        """Positions to decode, ascending."""
        return sorted({*self.looks, *self.held}) if self.held else self.looks

    def __bool__(self) -> bool:
        return bool(self.looks)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What has been seen so far, the reused scores among them."""

    frames: Int64Array
    """``[n]`` positions, strictly ascending."""
    scores: Scores
    """``[n, Q]`` one column for each label asked for."""
    sources: Int64Array
    """``[n]`` position of the frame that was classified: the look's own, or one that looks the
    same and whose score was reused."""

    @classmethod
    def of(cls, rows: Mapping[int, Scores], reused: Mapping[int, int] | None = None) -> Looks:
        """Looks in any order, at least one.

        Args:
            rows: From position to scores ``[Q]``.
            reused: From position to source, for looks whose score was reused.
        """
        frames = sorted(rows)
        sources = [(reused or {}).get(i, i) for i in frames]
        return cls(
            frames=np.array(frames, np.int64),
            scores=np.stack([rows[i] for i in frames]),
            sources=np.array(sources, np.int64),
        )


class SamplingPolicy(Protocol):
    """Plans looks. Without state: the same arguments give the same rounds.

    The executor calls `plan`, scores the round's looks, adds looks of its own at the cuts that it
    sees on decoded frames, and calls `refine` with all looks so far until a round is empty.
    """

    @property
    def name(self) -> str:
        """As clients ask for it."""
        ...

    @property
    def follows_pictures(self) -> bool:
        """Whether the executor, in the first round, reuses scores where the picture has not
        changed (`ReuseGate`) and adds looks where it sees a cut (`CutDetector`). Further rounds
        are classified as they are asked for.
        """
        ...

    def plan(self, table: FrameTable, span: range) -> Round:
        """The first looks.

        Args:
            table: The video's frames.
            span: Positions that are asked about.
        """
        ...

    def refine(
        self, table: FrameTable, span: range, looks: Looks, thresholds: Sequence[LabelThreshold]
    ) -> Round:
        """Further looks, none of which has been taken; empty when there is nothing left to learn.

        Args:
            table: As in `plan`.
            span: As in `plan`.
            looks: All so far.
            thresholds: ``[Q]`` the labels asked for.
        """
        ...
