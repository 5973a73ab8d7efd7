"""Bounds on bodies, declared and counted: one request's, and all that are in memory together."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import (
    InvalidParameterError,
    MediaTooLargeError,
    OverloadedError,
    VigilError,
)
from deployments.telemetry.request import note_problem
from serve_app.problems import kind_of, response_of
from serve_app.refusals import refuse

_CONTENT_LENGTH = re.compile(r"[0-9]{1,18}")
_RESERVE = "vigil.reserve_bytes"
"""Key of the ASGI scope under which `UploadBounds` leaves what `reserve_bytes` calls."""

Refused: TypeAlias = Callable[[VigilError], None]
"""Told about every request that is refused before a route is chosen."""


def note_refusal(error: VigilError) -> None:
    """Where a refusal happens within an observed request, that request's record has it."""
    note_problem(kind_of(error).name)


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
    is counted while it comes in, and given up once it is too much: the client gets its answer, and
    the application inside sees it go away. Used from one event loop, so that counting is safe.

    Args:
        app: The application inside.
        max_request_bytes: One body.
        max_inflight_bytes: All bodies, from their start to the end of their answers.
        refused: Told about refusals.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_request_bytes: int,
        max_inflight_bytes: int,
        refused: Refused = note_refusal,
    ) -> None:
        self._app = app
        self._max_request_bytes = max_request_bytes
        self._max_inflight_bytes = max_inflight_bytes
        self._refused = refused
        self._inflight_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reserved = received = beside_body = 0
        answering = GivenUpRequest(scope, receive, send)

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
            message = await answering.receive()
            received += len(message.get("body", b""))
            if received + beside_body > reserved:
                try:
                    reserve(received + beside_body)
                except (MediaTooLargeError, OverloadedError) as error:
                    self._refused(error)
                    return await answering.give_up(error)
            return message

        try:
            try:
                reserve(_declared_length(scope))
            except (InvalidParameterError, MediaTooLargeError, OverloadedError) as error:
                self._refused(error)
                await refuse(error, scope, receive, send)
                return
            await answering.run(self._app, receive_bounded)
        finally:
            self._inflight_bytes -= reserved


class GivenUpRequest:
    """A request that may be answered from outside while the application inside works on it.

    Args:
        scope: As of the ASGI application.
        receive: As of the ASGI application.
        send: As of the ASGI application.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = False
        self._given_up = False

    async def receive(self) -> Message:
        """What the client sends; after `give_up`, that it went away."""
        return {"type": "http.disconnect"} if self._given_up else await self._receive()

    async def give_up(self, error: VigilError) -> Message:
        """Answer with an error, unless an answer has begun, and end the connection.

        Returns:
            What the application inside is told: that the client went away.
        """
        self._given_up = True
        if not self._started:
            answer = response_of(error)
            # What the client goes on sending is not worth reading.
            answer.headers["Connection"] = "close"
            await answer(self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        """Have the application inside handle the request.

        Args:
            app: The application inside.
            receive: What it gets for its own; built upon `receive` and `give_up` here.
        """
        try:
            await app(self._scope, receive, self._send_unless_given_up)
        except (Exception, asyncio.CancelledError):
            # An application whose client is gone may end in any way; a cancellation of this very
            # task goes on.
            task = asyncio.current_task()
            if not self._given_up or (task is not None and task.cancelling()):
                raise

    async def _send_unless_given_up(self, message: Message) -> None:
        if not self._given_up:
            self._started = True
            await self._send(message)


def _declared_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "0")
    if not _CONTENT_LENGTH.fullmatch(value):
        raise InvalidParameterError("The header Content-Length is not a number.")
    return int(value)
