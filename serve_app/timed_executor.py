"""Threads whose work is a stage of a request: how long it took, its wait for a thread included."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from deployments.telemetry import catalog, tracing
from deployments.telemetry.metrics import Metrics

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


class TimedExecutor(ThreadPoolExecutor):
    """Records what is done in it as one stage, and as a span of requests that are traced.

    Args:
        max_workers: Threads.
        thread_name_prefix: Of their names.
        stage: Name of the stage.
        metrics: Records.
    """

    def __init__(
        self, max_workers: int, thread_name_prefix: str, stage: str, metrics: Metrics
    ) -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._stage = stage
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """What was submitted and waits for a thread."""
        return self._waiting

    def submit(
        self,
        fn: Callable[Parameters, Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Future[Result]:
        """See `ThreadPoolExecutor.submit`."""
        submitted = time.monotonic()
        parent = tracing.traceparent()

        def timed() -> Result:
            self._count(-1)
            started = time.monotonic()
            try:
                return fn(*args, **kwargs)
            finally:
                self._record(submitted, started, time.monotonic(), parent)

        self._count(1)
        future = super().submit(timed)
        future.add_done_callback(self._forget_cancelled)
        return future

    def _forget_cancelled(self, future: Future[Result]) -> None:
        if future.cancelled():  # before a thread took it: `timed` is not called
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._waiting += change

    def _record(self, submitted: float, started: float, ended: float, parent: str | None) -> None:
        catalog.STAGE.record(self._metrics, ended - submitted, self._stage)
        if parent is not None:
            tracing.ended_span(
                self._stage,
                started=submitted,
                ended=ended,
                parent=parent,
                attributes={"vigil.thread_wait_seconds": started - submitted},
            )
