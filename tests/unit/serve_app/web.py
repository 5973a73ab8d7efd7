"""A web server on loopback that answers with given bytes, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Web:
    """What a running server saw."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[str] = []
        """Heads of the requests."""


def answer(
    body: bytes = b"", status: str = "200 OK", headers: str = "", length: int | None = None
) -> Answer:
    """A complete answer; ``length`` is announced in place of the body's own."""

    async def write(writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return write


def chunked(*chunks: bytes) -> Answer:
    """An answer that does not say how long it is."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in (*chunks, b""):
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        await writer.drain()

    return write


@asynccontextmanager
async def serving(
    write: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Web]:
    """A server that gives every request the same answer and then closes the connection."""
    web = Web()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            web.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await write(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    web.port = server.sockets[0].getsockname()[1]
    async with server:
        yield web
