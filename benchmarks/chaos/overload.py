"""Ten times as many requests as the service can answer.

Of two models: ViT-B/16, which is what people deploy, and the demonstration model, which costs less
than the request around it. With the latter, whatever refuses must work ten times as fast as what
answers, on the cores that the clients have as well.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.chaos.http import Reply
from benchmarks.chaos.kills import Media
from benchmarks.chaos.load import Clients, Seen
from benchmarks.chaos.service import Service, service
from benchmarks.chaos.table import Row, row_of
from benchmarks.chaos.yielding import yielding
from benchmarks.images.workspace import Workspace
from benchmarks.model_kind import ModelKind
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
_MIN_WINDOW_SECONDS = 2.0
_WINDOW_ANSWERS = 64
"""Full speed is told by at least two batches."""


def overload_of_vit_base(folder: Path, media: Media, seconds: float) -> Row:
    """`overload` of a service of its own with a ViT-B/16.

    Args:
        folder: For the model and the service's files.
        media: What is sent.
        seconds: Of overload.
    """
    checkpoint = Workspace(folder, ()).checkpoint(ModelKind("base"))
    with service(folder, media.images[0], checkpoint) as it:
        return yielding(overload(it, media, seconds, model="ViT-B/16"))


async def overload(
    service: Service, media: Media, seconds: float, model: str = "demonstration model"
) -> Row:
    """Capacity, ten times that for a while, and capacity again."""
    clients = Clients(HOST, service.port, media.images)
    await clients.learn()
    before_seconds = max(seconds / 3, 5.0)
    await clients.closed_loop(CLIENTS_AT_CAPACITY, 3.0)
    memory = _Memory(service)
    before = time.monotonic()
    at_capacity = await clients.closed_loop(CLIENTS_AT_CAPACITY, before_seconds)
    # It goes on for the last answers, of which a slow model gives a whole batch.
    rate = len(at_capacity.right) / (time.monotonic() - before)
    async with memory:
        offered_from = time.monotonic()
        seen = await clients.open_loop(TIMES_CAPACITY * rate, seconds)
        offered_seconds = time.monotonic() - offered_from
    ended = time.monotonic()
    window = max(_MIN_WINDOW_SECONDS, _WINDOW_ANSWERS / rate)
    after = await clients.closed_loop(
        CLIENTS_AT_CAPACITY, MAX_SECONDS_TO_FULL_SPEED + window + _MIN_WINDOW_SECONDS
    )
    full_speed = seconds_to_full_speed(after.right, ended, rate, window)
    limits = arguments_of(service.config)["limits"]
    assert isinstance(limits, dict)
    figures = {
        "capacity_per_second": rate,
        "p99_seconds_at_capacity": _p99(at_capacity),
        # It goes on for the last answers, but sends no longer than it was told to.
        "offered_per_second": seen.sent / min(seconds, offered_seconds),
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
    row = row_of(f"{TIMES_CAPACITY} × capacity is offered, {model}", seen, [])
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


def seconds_to_full_speed(
    answers: Sequence[Reply], since: float, rate: float, window: float
) -> float:
    """Until the first window of so many seconds begins in which nine tenths of the rate are served.

    An answer counts for the time from its request to its end, evenly: by Little's law what is under
    way, each by its own duration, adds up to the rate. Counted by their ends alone, answers of a
    slow model that come a batch at a time would make a service look stopped for the first batch.

    Args:
        answers: Right ones, of clients that always have a request under way.
        since: When the overload ended, on the clock of `answers`.
        rate: Answers per second of full speed.
        window: In seconds.
    """
    spans = np.array([(answer.started, answer.ended) for answer in answers]).reshape(-1, 2)
    if not len(spans):
        return math.inf
    starts, ends = spans.T
    for first in np.sort(np.append(starts, since)):
        shared = np.minimum(ends, first + window) - np.maximum(starts, first)
        served = float((np.clip(shared, 0.0, None) / (ends - starts)).sum())
        if served >= _FULL_SPEED * rate * window:
            return float(first - since)
    return math.inf
