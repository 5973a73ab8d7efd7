"""Dynamic batching: take the slot first, then drain the queue.

While a batch runs, new items gather; when it ends, the next batch takes all that fits. So an idle
replica answers a lone item at once, and a busy one makes batches as large as the load allows,
without a waiting time to tune. (``@serve.batch`` forms a batch before it has the slot, so under
load small batches pile up; the integration tests carry the figures.) A model that takes two batches
at a time gets the second only once it is full: what is less than that gathers on meanwhile.

No task lives longer than the work: a batcher that is dropped leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from deployments.classifier.frame_queue import FrameQueue, Item
from deployments.errors import InferenceError, VigilError
from deployments.types import Frames, Scores

RunBatch: TypeAlias = Callable[[Sequence[Frames]], Scores]
"""Scores ``[Σ nᵢ, L]`` of items ``[nᵢ, H, W, 3]``; blocking."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What one batch cost, for metrics."""

    items: int
    frames: int
    started: float
    """On the monotonic clock, as ``ended``."""
    ended: float
    longest_wait_seconds: float
    """Time that its oldest item waited for the slot."""
    batch: tuple[Item, ...] = field(repr=False)
    scores: Scores = field(repr=False)
    """``[frames, L]``."""

    @property
    def seconds(self) -> float:
        """Time in the model."""
        return self.ended - self.started


class Batcher:
    """Merges the items of concurrent callers into batches of at most ``max_batch_size`` frames.

    Args:
        run: Computes one batch; called in as many threads as batches may run at a time.
        max_batch_size: Frames that a batch holds at most; a larger item is cut.
        max_queued_frames: Frames that may wait; beyond them `submit` refuses.
        parallel_batches: Batches that ``run`` takes at a time.
        report: Told about every batch, on the event loop.
    """

    def __init__(
        self,
        run: RunBatch,
        *,
        max_batch_size: int,
        max_queued_frames: int,
        parallel_batches: int = 1,
        report: Callable[[BatchReport], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._max_batch_size = max_batch_size
        self._report = report
        self._queue = FrameQueue(
            max_item_frames=max_batch_size, max_queued_frames=max_queued_frames, wake=self._wake
        )
        self._parallel_batches = parallel_batches
        self._workers: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(parallel_batches, thread_name_prefix="batch")
        self._running_since: list[float] = []

    @property
    def queued_frames(self) -> int:
        """Frames that wait for the slot."""
        return self._queue.frames

    @property
    def running_seconds(self) -> float:
        """How long the oldest batch has been running; 0 when none is."""
        since = min(self._running_since, default=None)
        return 0.0 if since is None else time.monotonic() - since

    async def submit(self, frames: Frames) -> Scores:
        """Scores ``[N, L]`` of frames ``[N, H, W, 3]``, N ≥ 1.

        Raises:
            OverloadedError: The queue is full.
            InferenceError: The model failed on these frames.
        """
        return await self._queue.submit(frames)

    def _wake(self) -> None:
        """Start a worker where one is due: the first for any item, others for a full batch."""
        if not self._workers or (
            len(self._workers) < self._parallel_batches
            and self._queue.frames >= self._max_batch_size
        ):
            self._workers.add(asyncio.get_running_loop().create_task(self._work()))

    async def _work(self) -> None:
        """Run batches until the queue is empty, or too short for one more worker; then end."""
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - it is a task
        try:
            # Callers that are ready in this same turn of the loop join the first batch.
            await asyncio.sleep(0)
            while (len(self._workers) == 1 or self._queue.frames >= self._max_batch_size) and (
                batch := self._queue.take(self._max_batch_size)
            ):
                await self._answer(batch)
        finally:
            self._workers.discard(worker)

    async def _answer(self, batch: list[Item]) -> None:
        """Give every item its scores or its error; a failing item fails alone."""
        try:
            scores = await self._timed(batch)
        except VigilError as error:
            await self._isolate(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever the model raised is this batch's error
            failure = InferenceError("The model failed on this input.")
            failure.__cause__ = error
            await self._isolate(batch, failure)
        else:
            start = 0
            for item in batch:
                end = start + len(item.frames)
                item.answer(scores[start:end])
                start = end

    async def _isolate(self, batch: list[Item], error: VigilError) -> None:
        """Run the halves of a failed batch, down to the items that fail by themselves."""
        if len(batch) == 1:
            batch[0].fail(error)
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            if wanted := [item for item in half if item.wanted]:
                await self._answer(wanted)

    async def _timed(self, batch: list[Item]) -> Scores:
        frames = sum(len(item.frames) for item in batch)
        started = time.monotonic()
        self._running_since.append(started)
        try:
            scores = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._run, [item.frames for item in batch]
            )
        finally:
            self._running_since.remove(started)
        if len(scores) != frames:
            raise InferenceError("The model returned another number of scores than frames.")
        self._report(
            BatchReport(
                items=len(batch),
                frames=frames,
                started=started,
                ended=time.monotonic(),
                longest_wait_seconds=started - min(item.arrived for item in batch),
                batch=tuple(batch),
                scores=scores,
            )
        )
        return scores
