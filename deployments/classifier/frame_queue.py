"""The queue that both the batcher (in a replica) and the coalescer (at a caller) wait in."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from deployments.errors import OverloadedError, VigilError
from deployments.telemetry.request import Origin, current_origin
from deployments.types import Frames, Scores

_PATIENCE = 8
"""An item of n frames lets those go first that come before n × 8 further frames were served."""


@dataclass(slots=True, eq=False)
class Item:
    """Frames that wait for their scores."""

    frames: Frames
    future: asyncio.Future[Scores]
    origin: Origin | None
    """The request that they are of."""
    arrived: float = field(default_factory=time.monotonic)
    queued: bool = True
    """False once it left the queue, or its caller went away."""

    @property
    def wanted(self) -> bool:
        """False once the caller was cancelled or was answered."""
        return not self.future.done()

    def answer(self, scores: Scores) -> None:
        """Hand over the scores; without effect when nobody waits any more."""
        if self.wanted:  # a result set on a cancelled future raises, and would kill the loop
            self.future.set_result(scores)

    def fail(self, error: VigilError) -> None:
        """Hand over the error; without effect when nobody waits any more."""
        if self.wanted:
            self.future.set_exception(error)


class FrameQueue:
    """Fair, bounded by frames; what nobody waits for any more drops out.

    Each submission has a due time, in frames served: its arrival and `_PATIENCE` for each of its
    frames. The earliest is served first. So an image does not stand behind the chunks of all videos
    in work, a chunk waits at most for a known number of frames beyond its turn, and equals are
    served in the order in which they came. (Like earliest deadline first, with virtual time.)

    Args:
        max_item_frames: Larger submissions are cut into items of this size.
        max_queued_frames: Frames that may wait; beyond them `submit` refuses.
        wake: Called after something was added.
    """

    def __init__(
        self, *, max_item_frames: int, max_queued_frames: int, wake: Callable[[], None]
    ) -> None:
        self._max_item_frames = max_item_frames
        self._max_queued_frames = max_queued_frames
        self._wake = wake
        self._items: list[tuple[int, int, Item]] = []
        """A heap of (due, order of arrival, item)."""
        self._arrivals = 0
        self._served = 0
        self.frames = 0
        """Frames that wait and are wanted."""

    def __bool__(self) -> bool:
        return self.frames > 0

    async def submit(self, frames: Frames) -> Scores:
        """Wait for the scores ``[N, L]`` of frames ``[N, H, W, 3]``, N ≥ 1.

        Raises:
            OverloadedError: Too many frames wait already. A submission that is larger than the
                whole queue is taken when nothing else waits.
            VigilError: Whatever its items failed with.
        """
        if self.frames and self.frames + len(frames) > self._max_queued_frames:
            raise OverloadedError("The model's queue is full; try again shortly.")
        loop = asyncio.get_running_loop()
        size = self._max_item_frames
        origin = current_origin()
        items = [
            Item(frames[start : start + size], loop.create_future(), origin)
            for start in range(0, len(frames), size)
        ]
        due = self._served
        for item in items:
            due += _PATIENCE * len(item.frames)
            heapq.heappush(self._items, (due, self._arrivals, item))
            self._arrivals += 1
        self.frames += len(frames)
        self._wake()
        try:
            scores = [await item.future for item in items]
        finally:
            for item in items:
                self._abandon(item)
        return scores[0] if len(scores) == 1 else np.concatenate(scores)

    def take(self, max_frames: int) -> list[Item]:
        """Remove what is due and fits into ``max_frames``: at least one item, if any waits."""
        taken: list[Item] = []
        frames = 0
        while self._items:
            item = self._items[0][2]
            if item.queued and taken and frames + len(item.frames) > max_frames:
                break
            heapq.heappop(self._items)
            if item.queued:
                self._leave(item)
                taken.append(item)
                frames += len(item.frames)
        self._served += frames
        return taken

    def _abandon(self, item: Item) -> None:
        if item.wanted:
            item.future.cancel()
        elif not item.future.cancelled():
            item.future.exception()  # marks it as seen: of several errors one is raised
        if item.queued:
            self._leave(item)

    def _leave(self, item: Item) -> None:
        item.queued = False
        self.frames -= len(item.frames)
