"""The answer to a request that is not taken in.

It is due before the body was read, and a server that answers then ends the connection with the rest
unread. The kernel resets such a connection, and the answer may be lost on it; HAProxy counts the
reset against the replica, and takes it for dead after three. So what is small is read first, and
thrown away: that also keeps the connection, which costs more to open than the rest of a refusal.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from deployments.errors import VigilError
from serve_app.edge import REQUEST_ID_HEADER, request_id_of
from serve_app.problems import response_of

MAX_READ_BYTES = 2**20
"""A larger body is not read: whoever sends it sees the connection end."""

READ_SECONDS = 2.0
"""No longer is waited for the rest of a body."""


async def refuse(error: VigilError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error, and with the request's id; nothing has been read of the body yet."""
    if _is_worth_reading(Headers(scope=scope)):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_SECONDS):
                while (await receive()).get("more_body", False):
                    pass

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id_of(scope)
        await send(message)

    await response_of(error)(scope, receive, send_with_id)


def _is_worth_reading(headers: Headers) -> bool:
    length = headers.get("content-length", "")
    # Who expects a "continue" has not begun to send.
    if not length.isdecimal() or len(length) > len(str(MAX_READ_BYTES)) or "expect" in headers:
        return False
    return 0 < int(length) <= MAX_READ_BYTES
