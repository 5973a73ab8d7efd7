"""One request, carried through tasks by a context variable and across processes as an `Origin`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from deployments.telemetry import tracing


@dataclass(frozen=True, slots=True)
class Origin:
    """What a call tells of the request that it is made for. Plain data: it crosses processes."""

    request_id: str
    traceparent: str | None = None
    """W3C Trace Context of the span that calls; None where the request is not traced."""


@dataclass(slots=True, eq=False)
class RequestContext:
    """What is known of the request that a task works for; one object for all its tasks."""

    request_id: str
    models: dict[str, None] = field(default_factory=dict)
    """Models that were asked, in order, each once."""
    problems: list[str] = field(default_factory=list)
    """Codes of the problems that the answer tells of."""
    scored_at: float | None = None
    """When the last scores came, on the monotonic clock."""


_current: ContextVar[RequestContext | None] = ContextVar("vigil_request", default=None)


def current_request() -> RequestContext | None:
    """The request that this task works for; None outside of requests."""
    return _current.get()


@contextmanager
def working_for(request: RequestContext) -> Iterator[None]:
    """Makes a request the current one of this task, and of the tasks that it starts."""
    token = _current.set(request)
    try:
        yield
    finally:
        _current.reset(token)


def note_problem(code: str) -> None:
    """Remember a problem that the current request's answer tells of."""
    request = _current.get()
    if request is not None:
        request.problems.append(code)


def current_origin() -> Origin | None:
    """What to send along with a call; None outside of requests."""
    request = _current.get()
    return None if request is None else Origin(request.request_id, tracing.traceparent())


def continue_request(origin: Origin | None) -> None:
    """As `on_behalf_of`, to the end of this task, which works for nothing else.

    For generators: what they set they cannot set back where another task closes them.
    """
    if origin is not None:
        _current.set(RequestContext(origin.request_id))
        tracing.continue_from(origin.traceparent)


@contextmanager
def on_behalf_of(origin: Origin | None) -> Iterator[None]:
    """Continues in this process what a call came from: its request's id and its trace."""
    if origin is None:
        yield
        return
    with working_for(RequestContext(origin.request_id)), tracing.continuing(origin.traceparent):
        yield
