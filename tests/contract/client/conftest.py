"""Both clients behind one face, so that each test asks both, and the real application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import pytest

from tests.assets.loopback_service import LoopbackService, loopback_service
from vigil_client import AsyncClient, Client, Media, MediaUrl, Retries, VideoEvent

QUICK = Retries(first_wait_seconds=0.001, max_seconds=10)


class Asks(Protocol):
    """What the tests ask, whichever client it is."""

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        """The answer of a method."""

    async def watch(
        self, media: Media | MediaUrl, until: type[VideoEvent] | None = None
    ) -> Sequence[VideoEvent]:
        """The events of an analysis, or those up to the first of a kind."""


class SyncAsks:
    def __init__(self, url: str, **settings: Any) -> None:
        self._client = Client(url, **settings)

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        return await asyncio.to_thread(getattr(self._client, method), *args, **options)

    async def watch(
        self, media: Media | MediaUrl, until: type[VideoEvent] | None = None
    ) -> Sequence[VideoEvent]:
        def read() -> list[VideoEvent]:
            found = []
            with self._client.watch_video(media) as events:
                for event in events:
                    found.append(event)
                    if until and isinstance(event, until):
                        break
            return found

        return await asyncio.to_thread(read)

    async def close(self) -> None:
        self._client.close()


class AsyncAsks:
    def __init__(self, url: str, **settings: Any) -> None:
        self._client = AsyncClient(url, **settings)

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        return await getattr(self._client, method)(*args, **options)

    async def watch(
        self, media: Media | MediaUrl, until: type[VideoEvent] | None = None
    ) -> Sequence[VideoEvent]:
        found = []
        async with self._client.watch_video(media) as events:
            async for event in events:
                found.append(event)
                if until and isinstance(event, until):
                    break
        return found

    async def close(self) -> None:
        await self._client.aclose()


@pytest.fixture(scope="session")
def shared_service() -> Iterator[LoopbackService]:
    with loopback_service() as service:
        yield service


@pytest.fixture
def service(shared_service: LoopbackService) -> Iterator[LoopbackService]:
    """The shared service, as if it were new."""
    shared_service.paths.clear()
    shared_service.videos.requests.clear()
    yield shared_service
    shared_service.videos.play(None)


@pytest.fixture(params=[SyncAsks, AsyncAsks], ids=["sync", "async"])
async def connect(request: pytest.FixtureRequest) -> Any:
    """Makes clients, with quick retries where nothing else is said."""
    made: list[SyncAsks | AsyncAsks] = []

    def make(url: str, **settings: Any) -> SyncAsks | AsyncAsks:
        made.append(request.param(url, **{"retries": QUICK, **settings}))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def client(connect: Callable[..., Asks], service: LoopbackService) -> Asks:
    return connect(service.url)
