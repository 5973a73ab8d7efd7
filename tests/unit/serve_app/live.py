"""One request to an ASGI application whose answer is read as it comes, which httpx does not do."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp, Message


class Gate(asyncio.Event):
    """Keeps a fake waiting until it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        """Set when the fake has come to the gate."""

    async def wait(self) -> Literal[True]:
        self.reached.set()
        return await super().wait()


class LiveRequest:
    """Sends a request and lets the test read one line at a time, or go away.

    Args:
        app: The application.
        request: What to send; its body is sent whole.
    """

    def __init__(self, app: ASGIApp, request: httpx.Request) -> None:
        self._body: list[bytes] = [request.read()]
        self._gone = asyncio.Event()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "path": request.url.path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": "http",
            "server": ("vigil", 80),
            "client": ("client", 1),
            "root_path": "",
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._sent.put))

    async def _receive(self) -> Message:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def go_away(self) -> None:
        """Close the connection."""
        self._gone.set()

    async def message(self) -> Message:
        """The next thing that the application sends."""
        return await self._sent.get()

    async def start(self) -> tuple[int, dict[str, str]]:
        """Status and headers."""
        message = await self.message()
        assert message["type"] == "http.response.start"
        headers = {name.decode(): value.decode() for name, value in message["headers"]}
        return message["status"], headers

    async def line(self) -> Any:
        """The next line."""
        message = await self.message()
        assert message["type"] == "http.response.body"
        assert message["body"].endswith(b"\n")
        return json.loads(message["body"])
