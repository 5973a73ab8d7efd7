"""The seam between code that records and what exports it.

A metric is declared once (`catalog`), and recorded with its labels' values in the declared order:

    metrics.count(FRAMES, 16, "builtin/demo")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: all its series have the same labels."""

    name: str
    """As it is declared; exporters add a prefix and the suffixes that Prometheus expects."""
    description: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter(Metric):
    """Only grows."""


@dataclass(frozen=True, slots=True)
class Gauge(Metric):
    """The last value."""


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """How values are spread. Its sum may be rough: a counter stands beside where a mean matters."""

    boundaries: tuple[float, ...] = ()
    """Upper bounds of the buckets, rising; beyond the last there is one more."""


class Metrics(Protocol):
    """What code records with, from any thread. Never raises for what it is given.

    Implementations: `RayMetrics`, `NoMetrics`, `MemoryMetrics`.
    """

    def count(self, metric: Counter, amount: float, *labels: str) -> None:
        """Add ``amount`` ≥ 0."""
        ...

    def observe(self, metric: Histogram, value: float, *labels: str) -> None:
        """Add one value."""
        ...

    def set(self, metric: Gauge, value: float, *labels: str) -> None:
        """Replace the value."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something takes."""

    spread: Histogram
    """Seconds."""
    total: Counter
    """The sum of the same, exact."""

    def record(self, metrics: Metrics, seconds: float, *labels: str) -> None:
        """Add one duration to both."""
        metrics.observe(self.spread, seconds, *labels)
        metrics.count(self.total, seconds, *labels)


class NoMetrics:
    """Records nothing."""

    def count(self, metric: Counter, amount: float, *labels: str) -> None:
        """See `Metrics.count`."""

    def observe(self, metric: Histogram, value: float, *labels: str) -> None:
        """See `Metrics.observe`."""

    def set(self, metric: Gauge, value: float, *labels: str) -> None:
        """See `Metrics.set`."""


class MemoryMetrics:
    """Keeps everything, for tests."""

    def __init__(self) -> None:
        self.counted: dict[tuple[Counter, tuple[str, ...]], float] = {}
        self.observed: dict[tuple[Histogram, tuple[str, ...]], list[float]] = {}
        self.values: dict[tuple[Gauge, tuple[str, ...]], float] = {}

    def count(self, metric: Counter, amount: float, *labels: str) -> None:
        """See `Metrics.count`."""
        _check(metric, labels)
        key = (metric, labels)
        self.counted[key] = self.counted.get(key, 0.0) + amount

    def observe(self, metric: Histogram, value: float, *labels: str) -> None:
        """See `Metrics.observe`."""
        _check(metric, labels)
        self.observed.setdefault((metric, labels), []).append(value)

    def set(self, metric: Gauge, value: float, *labels: str) -> None:
        """See `Metrics.set`."""
        _check(metric, labels)
        self.values[metric, labels] = value

    def total(self, metric: Counter, *labels: str) -> float:
        """What was counted under these labels; 0 where nothing was."""
        return self.counted.get((metric, labels), 0.0)


def _check(metric: Metric, labels: tuple[str, ...]) -> None:
    if len(labels) != len(metric.labels):
        raise ValueError(f"{metric.name} has the labels {metric.labels}, not {labels}")
