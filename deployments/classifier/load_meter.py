"""The load of one replica, for the autoscaler: its calls and the frames behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from deployments.classifier.autoscaling import CALLS_METRIC, FRAMES_METRIC
from deployments.types import Frames


class LoadMeter:
    """Counts calls while they last."""

    def __init__(self) -> None:
        self._calls = 0
        self._frames = 0.0

    @contextmanager
    def call(self, items: Sequence[Frames], waiting_frames: float) -> Iterator[None]:
        """Counts one call until the block ends.

        Args:
            items: What the call carries, ``[nᵢ, H, W, 3]``.
            waiting_frames: Its share of the frames that still wait at its caller.
        """
        frames = sum(map(len, items)) + waiting_frames
        self._calls += 1
        self._frames += frames
        try:
            yield
        finally:
            self._calls -= 1
            # Shares are fractions: their rounding errors must not add up over a replica's life.
            self._frames = self._frames - frames if self._calls else 0.0

    def stats(self) -> dict[str, float]:
        """What ``record_autoscaling_stats`` returns."""
        return {FRAMES_METRIC: self._frames, CALLS_METRIC: float(self._calls)}
