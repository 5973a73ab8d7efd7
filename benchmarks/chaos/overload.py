"""Ten times as many requests as the service can answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from benchmarks.chaos.kills import Media
from benchmarks.chaos.load import Clients, Seen
from benchmarks.chaos.service import Service
from benchmarks.chaos.table import Row, row_of
from benchmarks.servers import HOST
from benchmarks.statistics import percentile
from benchmarks.vigil_config import arguments_of

CLIENTS_AT_CAPACITY = 32
TIMES_CAPACITY = 10
MAX_P99_RATIO = 3.0
SPARE_BYTES = 200e6
MAX_SECONDS_TO_FULL_SPEED = 5.0
_FULL_SPEED = 0.9
_SAMPLE_SECONDS = 0.5
_WINDOW_SECONDS = 2.0


async def overload(service: Service, media: Media, seconds: float) -> Row:
    """Capacity, ten times that for a while, and capacity again."""
    clients = Clients(HOST, service.port, media.images)
    await clients.learn()
    before_seconds = max(seconds / 3, 5.0)
    await clients.closed_loop(CLIENTS_AT_CAPACITY, 3.0)
    memory = _Memory(service)
    at_capacity = await clients.closed_loop(CLIENTS_AT_CAPACITY, before_seconds)
    rate = len(at_capacity.right) / before_seconds
    async with memory:
        offered_from = time.monotonic()
        seen = await clients.open_loop(TIMES_CAPACITY * rate, seconds)
        offered_seconds = time.monotonic() - offered_from
    ended = time.monotonic()
    after = await clients.closed_loop(CLIENTS_AT_CAPACITY, MAX_SECONDS_TO_FULL_SPEED + 5)
    full_speed = _seconds_to_full_speed(after, ended, rate)
    limits = arguments_of(service.config)["limits"]
    assert isinstance(limits, dict)
    figures = {
        "capacity_per_second": rate,
        "p99_seconds_at_capacity": _p99(at_capacity),
        "offered_per_second": seen.sent / offered_seconds,
        "accepted_per_second": len(seen.right) / offered_seconds,
        "p99_seconds_accepted": _p99(seen),
        "p99_ratio": _p99(seen) / _p99(at_capacity),
        "p99_seconds_refused": percentile([r.seconds for r in seen.refused], 99)
        if seen.refused
        else 0.0,
        "memory_growth_bytes": memory.growth_bytes,
        "seconds_to_full_speed": full_speed,
    }
    complaints = []
    if figures["p99_ratio"] > MAX_P99_RATIO:
        complaints.append(f"p99 of accepted requests: {figures['p99_ratio']:.1f} × at capacity")
    if memory.growth_bytes > float(str(limits["max_inflight_upload_bytes"])) + SPARE_BYTES:
        complaints.append(f"memory grew by {memory.growth_bytes / 1e6:.0f} MB")
    if full_speed > MAX_SECONDS_TO_FULL_SPEED:
        complaints.append(f"full speed after {full_speed:.1f} s")
    if figures["offered_per_second"] < TIMES_CAPACITY * rate * _FULL_SPEED:
        complaints.append(
            f"only {figures['offered_per_second'] / rate:.1f} × the capacity could be offered"
        )
    row = row_of(f"{TIMES_CAPACITY} × capacity is offered", seen, [])
    return replace(
        row,
        times=1,
        seconds_to_recover=full_speed,
        figures=figures,
        complaints=tuple(complaints),
    )


class _Memory:
    """How much more memory all processes of the service take meanwhile."""

    def __init__(self, service: Service) -> None:
        self._family = service.server.family
        self.growth_bytes = 0.0

    async def __aenter__(self) -> None:
        self._family.refresh()
        self._before = self._family.rss_bytes()
        self._watching = asyncio.create_task(self._watch())

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            self.growth_bytes = max(self.growth_bytes, self._family.rss_bytes() - self._before)
            await asyncio.sleep(_SAMPLE_SECONDS)


def _p99(seen: Seen) -> float:
    return percentile([reply.seconds for reply in seen.right], 99)


def _seconds_to_full_speed(after: Seen, since: float, rate: float) -> float:
    """Until the first window of two seconds with nine tenths of the rate begins."""
    ends = sorted(reply.ended for reply in after.right)
    for first in ends:
        answered = sum(first <= end < first + _WINDOW_SECONDS for end in ends)
        if answered >= _FULL_SPEED * rate * _WINDOW_SECONDS:
            return first - since
    return float("inf")
