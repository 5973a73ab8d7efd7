"""A stop while requests are under way."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.chaos.load import Clients, Seen
from benchmarks.chaos.service import Service, service
from benchmarks.chaos.table import Row, row_of
from benchmarks.chaos.yielding import yielding
from benchmarks.load import Request
from benchmarks.servers import HOST

REQUESTS = 200
UPLOAD_SECONDS = 2.0
"""After which all requests are under way: on loopback their bytes take a fraction of it."""
STOP_SECONDS = 150.0


def drain(folder: Path, request: Request) -> Row:
    """SIGTERM with 200 requests under way; none may be lost, and nothing may stay behind.

    Args:
        folder: For the service's files.
        request: Takes some time to answer.
    """
    with service(folder, request, admitted=REQUESTS, max_wait_seconds=600) as it:
        clients = Clients(HOST, it.port, [request])
        seen, seconds = yielding(_stop_under_load(it, clients))
        left = it.server.family.alive()
        answers = _somebody_listens(it.port)
    row = row_of(f"SIGTERM with {REQUESTS} requests under way", seen, [])
    complaints = []
    if seen.refused:
        complaints.append(f"{len(seen.refused)} requests were refused: not all were under way")
    if left:
        complaints.append("processes stayed behind")
    if answers:
        complaints.append("somebody still listens on the port")
    return replace(row, times=1, seconds_to_recover=seconds, complaints=tuple(complaints))


async def _stop_under_load(it: Service, clients: Clients) -> tuple[Seen, float]:
    """What the clients saw, and how long the stop took."""
    await clients.learn()
    asking = asyncio.create_task(clients.at_once(REQUESTS))
    await asyncio.sleep(UPLOAD_SECONDS)
    signalled = time.monotonic()
    it.stop()
    seen = await asking
    await asyncio.to_thread(_wait_for_end, it, signalled + STOP_SECONDS)
    return seen, time.monotonic() - signalled


def _somebody_listens(port: int) -> bool:
    # Not whether it can be bound: connections that have just ended hinder that.
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _wait_for_end(it: Service, until: float) -> None:
    while it.server.family.alive() and time.monotonic() < until:
        time.sleep(0.1)
