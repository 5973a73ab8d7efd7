from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from serve_app.disconnects import unless_disconnected


class Client:
    """Stays connected until it is told to go."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Work:
    """Runs until it is cancelled, and takes a moment to clean up."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cleaned_up = False

    async def __call__(self) -> str:
        self.began.set()
        try:
            return await asyncio.Future()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True


async def test_work_that_is_done_first_gives_its_result() -> None:
    assert await unless_disconnected(Client().receive, asyncio.sleep(0, "done")) == "done"


async def test_what_work_raises_comes_through() -> None:
    async def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await unless_disconnected(Client().receive, fails())


async def test_a_client_that_goes_away_ends_the_work() -> None:
    client, work = Client(), Work()
    waiting = asyncio.create_task(unless_disconnected(client.receive, work()))
    await work.began.wait()
    client.gone.set()
    assert await waiting is None
    assert work.cleaned_up


async def test_a_caller_that_is_cancelled_ends_the_work() -> None:
    work = Work()
    waiting = asyncio.create_task(unless_disconnected(Client().receive, work()))
    await work.began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.cleaned_up


async def test_a_connection_that_breaks_is_no_result() -> None:
    async def broken() -> Message:
        raise OSError("reset")

    work = Work()
    with pytest.raises(OSError, match="reset"):
        await unless_disconnected(broken, work())
