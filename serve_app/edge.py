"""What stands around every request before a route is chosen: plain ASGI middleware.

`RequestBoundary` (outermost) gives the request its id and its time, and turns an unexpected
exception into an answer. `UploadBounds` refuses bodies that are too large, as early as possible.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import (
    DeadlineExceededError,
    InvalidParameterError,
    MediaTooLargeError,
    OverloadedError,
)
from serve_app.event_stream import MEDIA_TYPE as EVENT_STREAM
from serve_app.event_stream import error_line
from serve_app.problems import body_of, plain_problem, problem_response, response_of

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What is taken from a client: nothing that could forge a line of a log."""
_CONTENT_LENGTH = re.compile(r"[0-9]{1,18}")
_RESERVE = "vigil.reserve_bytes"
"""Key of the ASGI scope under which `UploadBounds` leaves what `reserve_bytes` calls."""


class RequestBoundary:
    """Request id, deadline, and the last resort for exceptions.

    Args:
        app: The application inside.
        timeout_seconds: Time for one request, its upload included.
        returns_request_id: Put the id on the answer. False where the server around the
            application does so itself, as Ray Serve's does: the header must not come twice.
    """

    def __init__(self, app: ASGIApp, timeout_seconds: float, returns_request_id: bool) -> None:
        self._app = app
        self._timeout_seconds = timeout_seconds
        self._returns_request_id = returns_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = streams_events = False

        async def send_with_id(message: Message) -> None:
            nonlocal started, streams_events
            if message["type"] == "http.response.start":
                started = True
                content_type = Headers(raw=message["headers"]).get("content-type")
                streams_events = content_type == EVENT_STREAM
                if self._returns_request_id:
                    MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        deadline = asyncio.timeout(self._timeout_seconds)
        try:
            async with deadline:
                await self._app(scope, receive, send_with_id)
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                late = DeadlineExceededError(
                    f"The answer was not ready within {self._timeout_seconds:g} seconds."
                )
                problem, answer = body_of(late), response_of(late)
            else:
                logger.exception(
                    "%s %s failed, request id %s", scope["method"], scope["path"], request_id
                )
                problem = plain_problem(
                    500,
                    "The service failed in a way that was not foreseen; its log says more "
                    f"under the request id {request_id}.",
                )
                answer = problem_response(problem)
            if not started:
                await answer(scope, receive, send_with_id)
            elif streams_events:
                # The one kind of answer in which there is still room for a problem.
                await send({"type": "http.response.body", "body": error_line(problem)})
            else:
                raise  # the answer is on its way already: only the server can cut it off


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def reserve_bytes(scope: Scope, total: int) -> None:
    """Count what a request brings into memory beside its body; it is given back at its end.

    Args:
        scope: The request's, below `UploadBounds`.
        total: Bytes beside the body, those counted before among them; never fewer than before.

    Raises:
        MediaTooLargeError: More than one request may have.
        OverloadedError: More than all requests may have together.
    """
    reserve: Callable[[int], None] = scope[_RESERVE]
    reserve(total)


class UploadBounds:
    """Bounds one body, and all bodies that are in memory at the same time.

    A declared length is checked, and set aside, before the first byte is read; a body without one
    is counted while it comes in. Used from one event loop, so that plain counting is safe.

    Args:
        app: The application inside.
        max_request_bytes: One body.
        max_inflight_bytes: All bodies, from their start to the end of their answers.
    """

    def __init__(self, app: ASGIApp, max_request_bytes: int, max_inflight_bytes: int) -> None:
        self._app = app
        self._max_request_bytes = max_request_bytes
        self._max_inflight_bytes = max_inflight_bytes
        self._inflight_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reserved = received = beside_body = 0

        def reserve(total: int) -> None:
            nonlocal reserved
            if total > self._max_request_bytes:
                raise MediaTooLargeError(
                    f"A request may have at most {self._max_request_bytes} bytes."
                )
            if self._inflight_bytes + total - reserved > self._max_inflight_bytes:
                raise OverloadedError(
                    "The service holds as many uploads as it may; try again in a moment.",
                    retry_after_seconds=2,
                )
            self._inflight_bytes += total - reserved
            reserved = total

        def reserve_beside_body(total: int) -> None:
            nonlocal beside_body
            reserve(reserved - beside_body + total)
            beside_body = total

        scope[_RESERVE] = reserve_beside_body

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received + beside_body > reserved:
                reserve(received + beside_body)
            return message

        try:
            try:
                reserve(_declared_length(scope))
            except (InvalidParameterError, MediaTooLargeError, OverloadedError) as error:
                await response_of(error)(scope, receive, send)
                return
            await self._app(scope, receive_bounded, send)
        finally:
            self._inflight_bytes -= reserved


def _declared_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "0")
    if not _CONTENT_LENGTH.fullmatch(value):
        raise InvalidParameterError("The header Content-Length is not a number.")
    return int(value)
