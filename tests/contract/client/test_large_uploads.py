"""A file of a gigabyte is sent without being held in memory."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.client.conftest import Asks
from vigil_client import UnsupportedMediaError

GIB = 2**30
PROBLEM = {"type": "urn:vigil:problem:unsupported-media", "status": 415, "detail": "No video."}


class Sink:
    """Reads a request to its end and answers with a problem."""

    def __init__(self) -> None:
        self.received = 0
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        left = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        while left and (part := await reader.read(2**20)):
            left -= len(part)
            self.received += len(part)
        body = json.dumps(PROBLEM).encode()
        writer.write(b"HTTP/1.1 415 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    made = Sink()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0, limit=2**21)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def test_a_gigabyte_is_streamed_from_disk(
    connect: Callable[..., Asks], tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(GIB)  # sparse: it takes no room
    async with sink() as other_end:
        client = connect(f"http://127.0.0.1:{other_end.port}")
        tracemalloc.start()
        try:
            with pytest.raises(UnsupportedMediaError):
                await client.call("video", path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert other_end.received > GIB
    assert peak < 32 * 2**20
