"""A bound on each metric's series: what clients may name must not fill the monitoring system."""

from __future__ import annotations

from deployments.telemetry.metrics import Metric

OTHER = "other"
"""Value of every label of what no longer has a series of its own."""

MAX_SERIES = 200
"""Of each metric in one process; a replica with few models and routes stays far below."""


class SeriesBound:
    """First come, first served; what comes later is recorded together.

    Args:
        max_series: Combinations of label values that each metric may have, beside `OTHER`.
    """

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._max_series = max_series
        self._known: dict[Metric, set[tuple[str, ...]]] = {}

    def admit(self, metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The labels to record under: those given, or `OTHER` for each."""
        known = self._known.setdefault(metric, set())
        if labels not in known:
            if len(known) >= self._max_series:
                return (OTHER,) * len(labels)
            known.add(labels)
        return labels
