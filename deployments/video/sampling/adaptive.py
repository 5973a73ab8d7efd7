"""The policy that looks where it pays: a coarse pass that misses nothing long, then the details."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.video.hysteresis import LabelThreshold
from deployments.video.sampling.coarse import GapCover
from deployments.video.sampling.frame_table import TIME_TOLERANCE_SECONDS, FrameTable
from deployments.video.sampling.policy import Looks, Round
from deployments.video.sampling.refinement import (
    Bracket,
    edge_brackets,
    open_end,
    uncertain_brackets,
)
from deployments.video.sampling.shots import blind_stretches, looks_beside_cuts

_BRACKETS_AT_A_TIME = 16
"""Edges that are narrowed at a time: together with `_STEPS_HELD` it bounds the pictures held."""
_STEPS_HELD = 16
"""A bracket is narrowed to this part of it with 15 pictures held. Finer edges than a sixteenth of
the gap take another pass, which holds pictures that lie closer."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Coarse looks, looks beside the cuts, some at random places; then bisection.

    What it promises: of a stretch of at least ``max_gap_seconds`` one frame is looked at, whatever
    the video does. Shorter ones are found by cuts, which the packets and the decoded frames show.
    Where the packets' sizes cannot tell, the gap is halved instead.
    """

    max_gap_seconds: float = 1.0
    edge_seconds: float = 0.1
    """Edges of segments are narrowed down to this."""
    uncertain_band: float = 0.15
    """Scores so far below their threshold are looked into."""
    seed: int = 0
    """Of the random places. One that clients cannot guess keeps them from aiming between looks."""
    jitter: float = 0.25
    """Share of the gap by which looks inside long groups of pictures vary."""
    probe_share: float = 0.05
    """Looks at random places, for every gap's length of video; at least one."""
    cut_looks_per_gap: int = 4
    """Looks that cuts may draw in a gap's length of video."""

    @property
    def name(self) -> str:
        """See `SamplingPolicy.name`."""
        return "adaptive"

    @property
    def follows_pictures(self) -> bool:
        """See `SamplingPolicy.follows_pictures`."""
        return True

    def plan(self, table: FrameTable, span: range) -> Round:
        """See `SamplingPolicy.plan`."""
        rng = np.random.default_rng(self.seed)
        gap = self.max_gap_seconds
        cover = GapCover(table, span, gap, rng, jitter=self.jitter, halved=blind_stretches(table))
        looks = cover.looks()
        looks += looks_beside_cuts(table, span, looks, gap, self.cut_looks_per_gap, rng)
        seconds = table.shown_until(span.stop - 1) - float(table.seconds[span.start])
        probes = max(1, round(self.probe_share * seconds / gap))
        looks += rng.integers(span.start, span.stop, probes).tolist()
        return Round(sorted(set(looks)))

    def refine(
        self, table: FrameTable, span: range, looks: Looks, thresholds: Sequence[LabelThreshold]
    ) -> Round:
        """See `SamplingPolicy.refine`."""
        edges = edge_brackets(table, looks, thresholds, self.edge_seconds)[:_BRACKETS_AT_A_TIME]
        uncertain = uncertain_brackets(
            table,
            looks,
            thresholds,
            self.uncertain_band,
            self.max_gap_seconds / 2,
            self.edge_seconds,
        )
        looks_now = {bracket.middle(table) for bracket in (*edges, *uncertain)}
        looks_now.update(open_end(span, looks, thresholds))
        held = {i for bracket in edges for i in self._later(table, bracket)}
        return Round(sorted(looks_now), sorted(held - looks_now))

    def _later(self, table: FrameTable, bracket: Bracket) -> list[int]:
        """What to hold while one group of pictures is passed; before that the keyframe decides."""
        if bracket.holds_keyframe(table):
            return []
        apart = float(table.seconds[bracket.high] - table.seconds[bracket.low])
        step = self.max_gap_seconds
        while step >= apart - TIME_TOLERANCE_SECONDS:
            step /= _STEPS_HELD
        return list(bracket.middles(table, max(step, self.edge_seconds)))
