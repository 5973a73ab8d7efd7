"""What stands around the whole application and only watches: metrics and the access log.

It costs an image some 20 µs: a few clock readings, and counts that are gathered before they go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import VigilError
from deployments.telemetry import catalog, tracing
from deployments.telemetry.metrics import Metrics
from deployments.telemetry.request import RequestContext, working_for
from serve_app.edge import STARTED, request_id_of
from serve_app.problems import kind_of
from serve_app.upload_bounds import Refused

access_logger = logging.getLogger("serve_app.access")

AccessLog = Literal["off", "errors", "all"]

CLIENT_CLOSED_REQUEST = 499
"""Status for the service's own records where nobody is left to read an answer (nginx's number)."""

UNMATCHED = "unmatched"
"""Route of requests that no route takes: their paths are the client's words."""

GATE = "gate"
"""Route of requests that were refused before one was chosen."""

_ASSETS = "/docs-assets"
_DOCUMENT = "/openapi.json"
_PROBES = {"/healthz", "/readyz"}
_SERVER_ERROR = 500


class RequestObserver:
    """Records every request. The outermost middleware, so that it sees the answers of the others.

    Args:
        app: The application inside.
        metrics: Records.
        access_log: Which requests get a line: none, those that the service failed (5xx), or all
            but successful probes.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        access_log: AccessLog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = RequestContext(request_id_of(scope))
        tracing.annotate({"vigil.request_id": request.request_id})
        started: float = scope.get(STARTED) or self._clock()
        received_at: float | None = None
        received_bytes = 0
        status = _SERVER_ERROR
        answered = False

        async def receive_observed() -> Message:
            nonlocal received_at, received_bytes
            message = await receive()
            if message["type"] == "http.request":
                received_bytes += len(message.get("body", b""))
                if not message.get("more_body", False) and received_at is None:
                    received_at = self._clock()
            return message

        async def send_observed(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            answered = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            with working_for(request):
                await self._app(scope, receive_observed, send_observed)
        except Exception:  # nothing below could answer any more
            status, answered = _SERVER_ERROR, True
            raise
        finally:
            if not answered:  # left off, or cancelled by Serve, as the client has gone
                status = CLIENT_CLOSED_REQUEST
            ended = self._clock()
            route = route_of(scope)
            self._record(request, route, status, ended - started, received_bytes)
            if received_bytes and received_at is not None:
                catalog.STAGE.record(self._metrics, received_at - started, "receive")
            if request.scored_at is not None:
                catalog.STAGE.record(self._metrics, ended - request.scored_at, "answer")
            if self._wants_line(route, status):
                _log(scope["method"], route, status, ended - started, received_bytes, request)

    def _record(
        self, request: RequestContext, route: str, status: int, seconds: float, size: int
    ) -> None:
        self._metrics.count(catalog.REQUESTS, 1, route, str(status))
        catalog.REQUEST.record(self._metrics, seconds, route)
        if size:
            self._metrics.count(catalog.REQUEST_BYTES, size, route)
        problems = request.problems
        if not problems and status >= HTTPStatus.BAD_REQUEST and status != CLIENT_CLOSED_REQUEST:
            problems = [HTTPStatus(status).phrase.lower().replace(" ", "-")]
        for code in problems:
            self._metrics.count(catalog.REJECTED, 1, route, code)

    def _wants_line(self, route: str, status: int) -> bool:
        if self._access_log == "off":
            return False
        if status >= _SERVER_ERROR:
            return True
        return self._access_log == "all" and route not in _PROBES


def counting_refusals(metrics: Metrics) -> Refused:
    """What counts the requests that the server's gate refuses, which reach no `RequestObserver`."""

    def refused(error: VigilError) -> None:
        kind = kind_of(error)
        metrics.count(catalog.REQUESTS, 1, GATE, str(kind.status))
        metrics.count(catalog.REJECTED, 1, GATE, kind.name)

    return refused


def route_of(scope: Scope) -> str:
    """The template of the route that took a request, never its path."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    # Not FastAPI's routes, so they leave none in the scope; their paths are no client's words.
    if scope.get("endpoint") is not None:
        return _DOCUMENT if scope["path"] == _DOCUMENT else _ASSETS
    return UNMATCHED


def _log(
    method: str, route: str, status: int, seconds: float, size: int, request: RequestContext
) -> None:
    models = ",".join(request.models)
    duration_ms = round(1000 * seconds, 1)
    access_logger.log(
        logging.WARNING if status >= _SERVER_ERROR else logging.INFO,
        "%s %s %d %.1fms %d bytes%s",
        method,
        route,
        status,
        duration_ms,
        size,
        f" {models}" if models else "",
        # Fields of their own in JSON lines.
        extra={
            "request_id": request.request_id,
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": duration_ms,
            "request_bytes": size,
            "model": models,
            "problem": ",".join(request.problems),
        },
    )
