"""Work in threads is a stage: its time with the wait for a thread, and a span where traced."""

from __future__ import annotations

import threading

import pytest
from opentelemetry import trace

from deployments.telemetry import catalog
from deployments.telemetry.metrics import MemoryMetrics
from serve_app.timed_executor import TimedExecutor
from tests.unit.telemetry.spans import kept_spans, named


def test_results_and_errors_come_through_and_both_are_timed() -> None:
    metrics = MemoryMetrics()
    with TimedExecutor(1, "test", "decode", metrics) as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()
    times = metrics.observed[catalog.STAGE_SECONDS, ("decode",)]
    assert len(times) == 2
    assert metrics.total(catalog.STAGE_TIME, "decode") == pytest.approx(sum(times))


def test_what_waits_for_a_thread_is_counted_until_it_is_taken_or_cancelled() -> None:
    busy, started = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        busy.wait()

    with TimedExecutor(1, "test", "decode", MemoryMetrics()) as executor:
        assert executor.waiting == 0
        executor.submit(work)
        started.wait()
        assert executor.waiting == 0
        kept, cancelled = executor.submit(int), executor.submit(int)
        assert executor.waiting == 2
        assert cancelled.cancel()
        assert executor.waiting == 1
        busy.set()
        kept.result()
        assert executor.waiting == 0


def test_the_wait_for_a_thread_is_part_of_the_stage() -> None:
    exporter = kept_spans()
    busy = threading.Event()
    with TimedExecutor(1, "test", "decode", MemoryMetrics()) as executor:
        executor.submit(busy.wait)
        with trace.get_tracer("test").start_as_current_span("request"):
            waiting = executor.submit(int)
        busy.set()
        waiting.result()
    request, span = named(exporter, "request"), named(exporter, "decode")
    assert span.parent is not None
    assert span.parent.span_id == request.context.span_id
    assert span.attributes is not None
    assert float(str(span.attributes["vigil.thread_wait_seconds"])) > 0
