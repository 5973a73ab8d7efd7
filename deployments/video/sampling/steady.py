"""Policies that decide beforehand: every frame, one in an interval, the keyframes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.video.hysteresis import LabelThreshold
from deployments.video.sampling.coarse import GapCover
from deployments.video.sampling.frame_table import TIME_TOLERANCE_SECONDS, FrameTable
from deployments.video.sampling.policy import Looks, Round


class _Steady:
    """Looks at what was planned and at nothing else, each time anew."""

    @property
    def follows_pictures(self) -> bool:
        """See `SamplingPolicy.follows_pictures`."""
        return False

    def refine(
        self, table: FrameTable, span: range, looks: Looks, thresholds: Sequence[LabelThreshold]
    ) -> Round:
        """See `SamplingPolicy.refine`."""
        return Round(())


@dataclass(frozen=True, slots=True)
class EveryFrame(_Steady):
    """Exact: nothing is left out."""

    @property
    def name(self) -> str:
        """See `SamplingPolicy.name`."""
        return "every_frame"

    def plan(self, table: FrameTable, span: range) -> Round:
        """See `SamplingPolicy.plan`."""
        return Round(span)


@dataclass(frozen=True, slots=True)
class Interval(_Steady):
    """The frame that is on show at the span's start, one interval later, two …"""

    interval_seconds: float = 1.0

    @property
    def name(self) -> str:
        """See `SamplingPolicy.name`."""
        return "interval"

    def plan(self, table: FrameTable, span: range) -> Round:
        """See `SamplingPolicy.plan`."""
        start = float(table.seconds[span.start])
        seconds = table.shown_until(span.stop - 1) - start - TIME_TOLERANCE_SECONDS
        ticks = start + np.arange(0.0, max(seconds, self.interval_seconds), self.interval_seconds)
        shown = np.searchsorted(table.seconds, ticks + TIME_TOLERANCE_SECONDS, "right") - 1
        return Round(np.unique(np.minimum(shown, span.stop - 1)).tolist())


@dataclass(frozen=True, slots=True)
class Keyframes(_Steady):
    """All keyframes, and frames between them where they are farther apart than the gap."""

    max_gap_seconds: float = 1.0

    @property
    def name(self) -> str:
        """See `SamplingPolicy.name`."""
        return "keyframes"

    def plan(self, table: FrameTable, span: range) -> Round:
        """See `SamplingPolicy.plan`."""
        rng = np.random.default_rng(0)  # not drawn from: there is no jitter
        cover = GapCover(table, span, self.max_gap_seconds, rng, every_keyframe=True)
        return Round(cover.looks())
