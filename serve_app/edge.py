"""What stands around every request before a route is chosen: plain ASGI middleware.

`RequestBoundary` gives the request its id and its time, and turns an unexpected exception into an
answer. What refuses requests before they are read stands further out: `serve_app.gate`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import DeadlineExceededError
from deployments.telemetry.request import note_problem
from serve_app.event_stream import MEDIA_TYPE as EVENT_STREAM
from serve_app.event_stream import error_line
from serve_app.problems import body_of, kind_of, plain_problem, problem_response, response_of

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"
STARTED = "vigil.started"
"""Key of the ASGI scope under which the gate leaves when the request began (monotonic seconds)."""
REQUEST_ID_PATTERN = r"[A-Za-z0-9._:-]{1,128}"
"""What is taken from a client: nothing that could forge a line of a log."""
_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)


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
        request_id = request_id_of(scope)
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
                note_problem(kind_of(late).name)
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


def request_id_of(scope: Scope) -> str:
    """The id that the client gave its request, or a new one."""
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
