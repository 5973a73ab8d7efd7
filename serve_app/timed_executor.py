"""Threads whose work is a stage of a request: how long it took, its wait for a thread included."""

from __future__ import annotations

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
            started = time.monotonic()
            try:
                return fn(*args, **kwargs)
            finally:
                self._record(submitted, started, time.monotonic(), parent)

        return super().submit(timed)

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
