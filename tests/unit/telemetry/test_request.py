"""A request's id and trace, through tasks and across processes."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Iterator

import pytest
from opentelemetry import trace

from deployments.telemetry import tracing
from deployments.telemetry.logs import ServeHandler
from deployments.telemetry.request import (
    Origin,
    RequestContext,
    current_origin,
    current_request,
    note_problem,
    on_behalf_of,
    working_for,
)
from tests.unit.telemetry.spans import kept_spans, named


def test_outside_of_requests_there_is_nothing_to_send_along() -> None:
    assert current_request() is None
    assert current_origin() is None
    note_problem("nobody-asked")


async def test_all_tasks_of_a_request_share_its_record() -> None:
    request = RequestContext("abc")

    async def fail() -> None:
        note_problem("corrupt-media")

    with working_for(request):
        await asyncio.gather(*(asyncio.create_task(fail()) for _ in range(2)))
    assert request.problems == ["corrupt-media"] * 2
    assert current_request() is None


def test_an_untraced_request_sends_its_id_only() -> None:
    with working_for(RequestContext("abc")):
        assert current_origin() == Origin("abc", None)


def test_a_traced_request_goes_on_in_another_process() -> None:
    exporter = kept_spans()
    tracer = trace.get_tracer("test")
    with working_for(RequestContext("abc")), tracer.start_as_current_span("caller"):
        origin = pickle.loads(pickle.dumps(current_origin()))
    with on_behalf_of(origin):
        request = current_request()
        assert request is not None
        assert request.request_id == "abc"
        with tracing.span("callee", {"frames": 3}):
            pass
    assert not tracing.is_traced()
    caller, callee = named(exporter, "caller"), named(exporter, "callee")
    assert callee.parent is not None
    assert callee.parent.span_id == caller.context.span_id
    assert callee.context.trace_id == caller.context.trace_id


def test_nothing_is_traced_outside_of_a_traced_request() -> None:
    exporter = kept_spans()
    with tracing.span("alone"):
        assert tracing.traceparent() is None
    assert exporter.get_finished_spans() == ()


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """What reaches Serve's logger."""
    kept: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    serve, handler = logging.getLogger("ray.serve"), Keep()
    level = serve.level
    serve.addHandler(handler)
    serve.setLevel(logging.INFO)
    yield kept
    serve.removeHandler(handler)
    serve.setLevel(level)


def test_a_log_line_goes_to_serve_with_its_requests_id(lines: list[logging.LogRecord]) -> None:
    logger = logging.Logger("deployments.somewhere", logging.DEBUG)
    logger.addHandler(ServeHandler())
    with working_for(RequestContext("abc")):
        logger.info("inside")
        logger.debug("too fine for Serve's level")
    logger.info("outside")
    assert [record.getMessage() for record in lines] == ["inside", "outside"]
    assert lines[0].request_id == "abc"
    assert not hasattr(lines[1], "request_id")
