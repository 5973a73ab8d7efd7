"""When a label counts as seen: over one threshold to begin, over a lower one to go on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deployments.errors import InvalidParameterError
from deployments.media.packets import BoolArray

DEFAULT_HYSTERESIS = 0.1


@dataclass(frozen=True, slots=True)
class LabelThreshold:
    """One label that is asked for; column i of the looks' scores belongs to the i-th of these."""

    label: str
    enter: float
    """Score, 0…1: at or over it the label is seen."""
    leave: float
    """Score, at most ``enter``: a stretch in which the label was seen lasts while at or over it."""

    def __post_init__(self) -> None:
        if not 0 <= self.leave <= self.enter <= 1:
            raise InvalidParameterError(
                f"The thresholds of {self.label!r} must be 0 <= leave <= enter <= 1."
            )

    @classmethod
    def at(cls, label: str, enter: float, hysteresis: float = DEFAULT_HYSTERESIS) -> LabelThreshold:
        """``leave`` lies ``hysteresis`` below ``enter``, but not below 0."""
        return cls(label, enter, max(0.0, enter - hysteresis))


def inside(scores: npt.NDArray[np.float32], threshold: LabelThreshold) -> BoolArray:
    """Which looks lie inside a stretch in which the label is seen.

    A stretch is a longest row of looks with scores of at least ``leave`` of which one reaches
    ``enter``; forwards and backwards in time are alike.

    Args:
        scores: ``[n]`` one label's, in the looks' order.
        threshold: The label's.

    Returns:
        ``[n]``.
    """
    over = scores >= threshold.leave
    row = np.cumsum(np.diff(over, prepend=False))
    return over & np.isin(row, row[scores >= threshold.enter])
