"""Policies by the names that clients use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployments.errors import InvalidParameterError
from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.policy import SamplingPolicy
from deployments.video.sampling.steady import EveryFrame, Interval, Keyframes

SHORTEST_SECONDS = 0.001


class Sampling(StrEnum):
    """Names of the policies."""

    ADAPTIVE = "adaptive"
    EVERY_FRAME = "every_frame"
    INTERVAL = "interval"
    KEYFRAMES = "keyframes"


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """What a client may choose about a policy; each one reads what concerns it.

    Raises:
        InvalidParameterError: A time that is not over 0, or a band outside 0…1.
    """

    max_gap_seconds: float = 1.0
    """`adaptive`, `keyframes`: no longer time between two looks."""
    interval_seconds: float = 1.0
    """`interval`: time between two looks."""
    edge_seconds: float = 0.1
    """`adaptive`: how well edges of segments are to be known."""
    uncertain_band: float = 0.15
    """`adaptive`: scores so far below their threshold are looked into."""
    seed: int = 0
    """`adaptive`: of the looks at random places."""

    def __post_init__(self) -> None:
        for name in ("max_gap_seconds", "interval_seconds", "edge_seconds"):
            if not SHORTEST_SECONDS <= getattr(self, name) < float("inf"):
                raise InvalidParameterError(f"{name} must be at least {SHORTEST_SECONDS:g}.")
        if not 0 <= self.uncertain_band <= 1:
            raise InvalidParameterError("uncertain_band must be between 0 and 1.")


def policy_named(name: Sampling, settings: SamplingSettings) -> SamplingPolicy:
    """The policy of that name."""
    match name:
        case Sampling.EVERY_FRAME:
            return EveryFrame()
        case Sampling.INTERVAL:
            return Interval(settings.interval_seconds)
        case Sampling.KEYFRAMES:
            return Keyframes(settings.max_gap_seconds)
        case Sampling.ADAPTIVE:
            return Adaptive(
                max_gap_seconds=settings.max_gap_seconds,
                edge_seconds=settings.edge_seconds,
                uncertain_band=settings.uncertain_band,
                seed=settings.seed,
            )
