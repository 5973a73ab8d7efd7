"""Metrics on Ray's metrics port, where Prometheus finds them as ``ray_vigil_…``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from ray import serve
from ray.serve.exceptions import RayServeException
from ray.util import metrics as ray_metrics

from deployments.telemetry.metrics import Counter, Gauge, Histogram, Metric
from deployments.telemetry.series import SeriesBound

FLUSH_SECONDS = 1.0
"""Ray itself reports every ten seconds, so this delays nothing that anybody sees."""

_Record: TypeAlias = Callable[[float], None]


class RayMetrics:
    """Implements `Metrics`. One for each replica.

    One record costs Ray some 3 µs, ten times as much where other threads are busy, as it gives up
    the interpreter's lock; and half as much again through `ray.serve.metrics`, which looks up for
    each what stays the same: the replica's labels, which are added here. So counts and values are
    gathered here, and handed to Ray once a second by a thread that sleeps while nothing happens.

    Args:
        bound: Bounds the series.
        flush_seconds: How long counts and values are gathered.
    """

    def __init__(
        self, bound: SeriesBound | None = None, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self._bound = bound or SeriesBound()
        self._flush_seconds = flush_seconds
        self._lock = threading.Lock()
        self._replica_tags = _replica_tags()
        self._records: dict[tuple[Metric, tuple[str, ...]], _Record] = {}
        self._instruments: dict[Metric, Callable[..., None]] = {}
        self._counts: dict[_Record, float] = {}
        self._values: dict[_Record, list[float]] = {}
        self._something = threading.Event()
        threading.Thread(target=self._flush_for_ever, name="metrics", daemon=True).start()

    def count(self, metric: Counter, amount: float, *labels: str) -> None:
        """See `Metrics.count`."""
        if amount <= 0:  # Ray refuses to count nothing
            return
        with self._lock:
            record = self._record(metric, labels)
            self._counts[record] = self._counts.get(record, 0.0) + amount
        self._flush_soon()

    def observe(self, metric: Histogram, value: float, *labels: str) -> None:
        """See `Metrics.observe`."""
        with self._lock:
            self._values.setdefault(self._record(metric, labels), []).append(value)
        self._flush_soon()

    def set(self, metric: Gauge, value: float, *labels: str) -> None:
        """See `Metrics.set`."""
        with self._lock:
            record = self._record(metric, labels)
        record(value)

    def _record(self, metric: Metric, labels: tuple[str, ...]) -> _Record:
        """What records one series; made once. Called with the lock held."""
        record = self._records.get((metric, labels))
        if record is not None:
            return record
        admitted = self._bound.admit(metric, labels)
        if admitted != labels:  # not kept: these combinations are without end
            return self._record(metric, admitted)
        if metric not in self._instruments:
            self._instruments[metric] = _instrument(metric, tuple(self._replica_tags))
        tags = self._replica_tags | dict(zip(metric.labels, labels, strict=True))
        record = partial(self._instruments[metric], tags=tags)
        self._records[metric, labels] = record
        return record

    def _flush_soon(self) -> None:
        if not self._something.is_set():
            self._something.set()

    def _flush_for_ever(self) -> None:
        pause = threading.Event()
        while True:
            self._something.wait()
            pause.wait(self._flush_seconds)
            self._something.clear()
            with self._lock:
                counts, self._counts = self._counts, {}
                values, self._values = self._values, {}
            for record, amount in counts.items():
                record(amount)
            for record, observed in values.items():
                for value in observed:
                    record(value)


def _replica_tags() -> dict[str, str]:
    """The labels that `ray.serve.metrics` gives, too; none outside of replicas."""
    try:
        context = serve.get_replica_context()
    except RayServeException:
        return {}
    return {
        "deployment": context.deployment,
        "replica": context.replica_tag,
        "application": context.app_name,
    }


def _instrument(metric: Metric, replica_labels: tuple[str, ...]) -> Callable[..., None]:
    """What records one metric: a function of the value and the tags."""
    labels = (*replica_labels, *metric.labels)
    if isinstance(metric, Counter):
        return ray_metrics.Counter(metric.name, metric.description, labels).inc
    if isinstance(metric, Gauge):
        return ray_metrics.Gauge(metric.name, metric.description, labels).set
    assert isinstance(metric, Histogram)  # noqa: S101 - there is no fourth kind
    boundaries = list(metric.boundaries)
    return ray_metrics.Histogram(metric.name, metric.description, boundaries, labels).observe
