"""Faults that end a process under load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.chaos.load import Clients, Seen
from benchmarks.chaos.service import INGRESS, MODEL, VIDEO, Service
from benchmarks.chaos.table import Row, row_of
from benchmarks.load import Request
from benchmarks.servers import HOST

IMAGE_CLIENTS = 16
VIDEO_CLIENTS = 3
LONGEST_CHANGE_SECONDS = 600.0
"""For two deployments; the load ends soon after the second one is complete."""


@dataclass(frozen=True, slots=True)
class Media:
    """What is sent."""

    images: Sequence[Request]
    videos: Sequence[Request]


async def model_replica(service: Service, media: Media, seconds: float) -> Row:
    """A model's replica is killed every five seconds, under 16 clients."""
    return await _killing(
        "a model's replica is killed, every 5 s",
        (service, media.images, IMAGE_CLIENTS),
        seconds,
        every=5.0,
        victims=lambda: service.replicas(MODEL)[:1],
    )


async def ingress_replica(service: Service, media: Media, seconds: float) -> Row:
    """One of two ingress replicas is killed every 15 seconds.

    HAProxy repeats what it has received whole; the rest nobody but the client can repeat: as many
    as the clients have under way, at most.
    """
    return await _killing(
        "an ingress replica is killed, every 15 s",
        (service, media.images, IMAGE_CLIENTS),
        seconds,
        every=15.0,
        victims=lambda: service.replicas(INGRESS)[:1],
        lost_per_kill=IMAGE_CLIENTS,
    )


async def video_replica(service: Service, media: Media, seconds: float) -> Row:
    """One of two video replicas is killed every 15 seconds, while videos are analysed."""
    return await _killing(
        "a video replica is killed, every 15 s",
        (service, media.videos, VIDEO_CLIENTS),
        seconds,
        every=15.0,
        victims=lambda: service.replicas(VIDEO)[:1],
    )


async def decoder(service: Service, media: Media, seconds: float) -> Row:
    """A decoder's process is killed every five seconds, while videos are analysed.

    It may be the video's own doing, so its request gets an answer, an error: one for each kill.
    """
    return await _killing(
        "a video decoder is killed, every 5 s",
        (service, media.videos, VIDEO_CLIENTS),
        seconds,
        every=5.0,
        victims=lambda: service.decoders()[:1],
        lost_per_kill=1,
    )


async def rolling_change(service: Service, media: Media, seconds: float) -> Row:
    """``serve deploy`` of a changed model, twice, under load."""
    changes = iter(({"max_batch_size": 16}, {"max_batch_size": 24}))

    async def change() -> None:
        settings = next(changes, None)
        if settings:
            await asyncio.to_thread(service.redeploy, **settings)

    return await _faulting(
        "a changed model is deployed, twice",
        (service, media.images, IMAGE_CLIENTS),
        LONGEST_CHANGE_SECONDS,
        every=max(seconds / 3, 10.0),
        fault=change,
        most=2,
    )


_Load = tuple[Service, Sequence[Request], int]


async def _killing(
    name: str,
    load: _Load,
    seconds: float,
    *,
    every: float,
    victims: Callable[[], list[int]],
    lost_per_kill: int = 0,
) -> Row:
    async def kill() -> None:
        for pid in await asyncio.to_thread(victims):
            load[0].kill(pid)

    return await _faulting(
        name, load, seconds, every=every, fault=kill, lost_per_fault=lost_per_kill
    )


async def _faulting(
    name: str,
    load: _Load,
    seconds: float,
    *,
    every: float,
    fault: Callable[[], Awaitable[None]],
    lost_per_fault: int = 0,
    most: int | None = None,
) -> Row:
    service, requests, count = load
    clients = Clients(HOST, service.port, requests)
    await clients.learn()
    times: list[float] = []

    stop = asyncio.Event()

    async def make_faults() -> None:
        end = time.monotonic() + seconds
        pause = min(every, seconds / 2)
        await asyncio.sleep(pause)
        while time.monotonic() < end and len(times) != most:
            times.append(time.monotonic())
            await fault()
            await asyncio.sleep(pause)
        stop.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(make_faults())
        loading = group.create_task(clients.closed_loop(count, seconds, stop))
    seen: Seen = loading.result()
    if times and seen.right and seen.right[-1].started < times[-1]:
        # The load ended before the last fault was over: one more answer tells.
        seen.right += (await clients.closed_loop(1, 0.1)).right
    return row_of(name, seen, times, allowed_lost=lost_per_fault * len(times))
