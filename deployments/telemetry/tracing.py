"""Spans of a traced request; nothing where the request is not traced.

A request is traced where a span of its server was started and sampled (`otel` sees to that), so all
that an untraced one costs is a look at a context variable.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

_TRACER = trace.get_tracer("vigil")
_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER = "traceparent"
_NANOSECONDS = 1e9


def is_traced() -> bool:
    """Whether the current request is."""
    return trace.get_current_span().get_span_context().trace_flags.sampled


def traceparent() -> str | None:
    """The current span as a W3C Trace Context header; None where the request is not traced."""
    if not is_traced():
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier[_HEADER]


def annotate(attributes: Mapping[str, AttributeValue]) -> None:
    """Add to the current span what is worth knowing; without effect where there is none."""
    trace.get_current_span().set_attributes(attributes)


@contextmanager
def continuing(parent: str | None) -> Iterator[None]:
    """Spans of this block belong to a span of another process."""
    if parent is None:
        yield
        return
    token = otel_context.attach(_PROPAGATOR.extract({_HEADER: parent}))
    try:
        yield
    finally:
        otel_context.detach(token)


def continue_from(parent: str | None) -> None:
    """As `continuing`, to the end of this task."""
    if parent is not None:
        otel_context.attach(_PROPAGATOR.extract({_HEADER: parent}))


@contextmanager
def span(name: str, attributes: Mapping[str, AttributeValue] | None = None) -> Iterator[None]:
    """A span over the block; an exception that leaves it is recorded."""
    if not is_traced():
        yield
        return
    with _TRACER.start_as_current_span(name, attributes=attributes):
        yield


def ended_span(
    name: str,
    *,
    started: float,
    ended: float,
    parent: str | None = None,
    links: Sequence[str] = (),
    attributes: Mapping[str, AttributeValue] | None = None,
) -> str | None:
    """A span of what is over.

    Args:
        name: Its name.
        started: On the monotonic clock, as ``ended``.
        ended: See there.
        parent: Its parent, as `traceparent` gave it; None: it begins a trace of its own.
        links: Spans that it has to do with.
        attributes: What is worth knowing.

    Returns:
        Itself, for links of others.
    """
    # Spans are told in wall time; the monotonic clock's offset to it is taken anew each time.
    offset = time.time() - time.monotonic()
    context = otel_context.Context() if parent is None else _PROPAGATOR.extract({_HEADER: parent})
    made = _TRACER.start_span(
        name,
        context=context,
        links=[trace.Link(_span_context(link)) for link in links],
        attributes=attributes,
        start_time=round((started + offset) * _NANOSECONDS),
    )
    made.end(round((ended + offset) * _NANOSECONDS))
    if not made.is_recording() and not made.get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(made))
    return carrier.get(_HEADER)


def _span_context(parent: str) -> trace.SpanContext:
    extracted = _PROPAGATOR.extract({_HEADER: parent})
    return trace.get_current_span(extracted).get_span_context()
