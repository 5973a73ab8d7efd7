"""A small HTTP client on asyncio that survives whatever the server does, and counts it.

Requests lie ready as bytes, so that the client takes little of the cores that it shares with the
server. An early answer (a refusal while the body is still on its way) is read like any other.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

_HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request."""

    status: int
    """0: nothing, or not all of it; the connection broke or could not be opened."""
    retry_after: bool
    """Whether the answer says when to try again."""
    body: bytes
    started: float
    """Monotonic seconds."""
    ended: float

    @property
    def seconds(self) -> float:
        """From the first byte sent to the last byte received."""
        return self.ended - self.started


class Connection:
    """One connection with one request at a time; opened when it is needed.

    Args:
        host: Of the server.
        port: Of the server.
        timeout_seconds: For one request.
    """

    def __init__(self, host: str, port: int, timeout_seconds: float = 120.0) -> None:
        self._address = (host, port)
        self._timeout_seconds = timeout_seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, wire: bytes) -> Reply:
        """Send one request and read its answer. Never raises for what the server does."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, retry_after, body = await self._exchange(wire)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            # A time-out is an OSError, too.
            self.close()
            return Reply(0, False, b"", started, time.monotonic())
        return Reply(status, retry_after, body, started, time.monotonic())

    def close(self) -> None:
        """End the connection."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, wire: bytes) -> tuple[int, bool, bytes]:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(*self._address, limit=_HEAD_BYTES)
        reader, writer = self._streams
        writer.write(wire)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        first, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(first.split()[1]), "retry-after" in headers, body
