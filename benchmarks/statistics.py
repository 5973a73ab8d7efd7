"""The arithmetic of the benchmarks: percentiles, spreads, ratios, rates. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """One quantity over the repeats of a run."""

    median: float
    low: float
    """The smallest repeat."""
    high: float
    """The largest repeat."""
    repeats: int

    @property
    def relative(self) -> float:
        """``(high − low) / median``: how much the repeats disagree."""
        return (self.high - self.low) / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a server."""

    at_seconds: float
    """When it was complete, on any clock."""
    images: int
    """How many images it answered for."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear interpolation between the closest ranks, as ``numpy.percentile`` does by default.

    Args:
        values: At least one, in any order.
        percent: 0…100.

    Raises:
        ValueError: No values, or a percentage out of range.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is no percentage")
    ordered = sorted(values)
    rank = (len(ordered) - 1) * percent / 100
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def spread(values: Sequence[float]) -> Spread:
    """Median and extremes.

    Raises:
        ValueError: No values.
    """
    if not values:
        raise ValueError("a spread needs at least one value")
    return Spread(median(values), min(values), max(values), len(values))


def paired_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Spread:
    """Ratios of two systems that were measured in turn, repeat by repeat.

    The two members of a pair ran within minutes of each other, so a machine that is slower for an
    hour moves both; the median of such ratios is steadier than the ratio of the medians.

    Raises:
        ValueError: The systems were not measured equally often.
    """
    return spread([a / b for a, b in zip(numerator, denominator, strict=True)])


def steady_rate(completions: Sequence[Completion], window_seconds: float) -> float:
    """Images per second of a server that answers in bursts.

    A server that batches answers up to a whole batch at a time. A window cut at fixed times counts
    a burst too many or too few, which is 15 % of an image count of 200. So the window is cut at
    the longest pause in its first and in its last quarter: between two ends of bursts.

    Args:
        completions: In order of time, from a steady load.
        window_seconds: How long they were collected.

    Raises:
        ValueError: Too few to tell a rate.
    """
    if len(completions) < 6:
        raise ValueError(f"{len(completions)} answers are too few to tell a rate; measure longer")
    start, end = completions[0].at_seconds, completions[-1].at_seconds
    quarter = (end - start) / 4
    first = _end_of_burst(completions, start, start + quarter)
    last = _end_of_burst(completions, end - quarter, end)
    seconds = completions[last].at_seconds - completions[first].at_seconds
    if last <= first or seconds < window_seconds / 4:
        raise ValueError("the answers came in too few bursts to tell a rate; measure longer")
    return sum(completion.images for completion in completions[first + 1 : last + 1]) / seconds


def _end_of_burst(completions: Sequence[Completion], start: float, end: float) -> int:
    """Index of the completion before the longest pause that begins between two times.

    The last completion of all ends a burst, too, but only where nothing else does: what followed
    it is not known.
    """
    candidates = [
        index
        for index, completion in enumerate(completions[:-1])
        if start <= completion.at_seconds <= end
    ]
    if not candidates:
        return len(completions) - 1
    return max(
        candidates,
        key=lambda index: completions[index + 1].at_seconds - completions[index].at_seconds,
    )
