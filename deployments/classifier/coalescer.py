"""Fewer, larger calls: frames of concurrent requests leave together, without a waiting time.

A remote call costs some milliseconds of CPU whatever it carries. While ``eager_calls`` calls are in
flight, new frames gather, and leave when a call returns, or as soon as they fill a call. Each call
tells its share of the frames that still wait here, so that the autoscaler sees them.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from deployments.classifier.frame_queue import FrameQueue, Item
from deployments.classifier.replica import ItemResult
from deployments.errors import InferenceError, VigilError
from deployments.telemetry.request import Origin
from deployments.types import Frames, Scores

Origins: TypeAlias = Sequence[Origin | None]
"""For each item of a call the request that it is of."""

Send: TypeAlias = Callable[[list[Frames], float, Origins], Awaitable[Sequence[ItemResult]]]
"""One remote call: items, the call's share of the frames that wait here, and the items' origins.

One result an item, in order. Raises `VigilError` when all of it failed."""


class Coalescer:
    """Merges the frames of concurrent callers into few calls of one model.

    Args:
        send: Makes one call.
        max_call_frames: Frames that one call carries at most; a larger item is cut.
        max_queued_frames: Frames that may wait here; beyond them `submit` refuses.
        eager_calls: Below so many calls in flight, even a single frame leaves at once.
        max_calls: Calls in flight at most.
    """

    def __init__(
        self,
        send: Send,
        *,
        max_call_frames: int,
        max_queued_frames: int,
        eager_calls: int = 2,
        max_calls: int = 32,
    ) -> None:
        self._send = send
        self._max_call_frames = max_call_frames
        self._eager_calls = eager_calls
        self._max_calls = max_calls
        self._calls: set[asyncio.Task[None]] = set()
        self._queue = FrameQueue(
            max_item_frames=max_call_frames, max_queued_frames=max_queued_frames, wake=self._pump
        )

    @property
    def idle(self) -> bool:
        """True when nothing waits and no call is in flight."""
        return not self._queue and not self._calls

    async def submit(self, frames: Frames) -> Scores:
        """Scores ``[N, L]`` of frames ``[N, H, W, 3]``, N ≥ 1.

        Raises:
            OverloadedError: The queue is full.
            VigilError: What the call, or this item of it, failed with.
        """
        return await self._queue.submit(frames)

    def _pump(self) -> None:
        """Start the calls that may start now."""
        while self._queue and self._may_start():
            items = self._queue.take(self._max_call_frames)
            # An empty context: the call belongs to several requests, and must not be cancelled
            # with the one that happened to start it.
            task = asyncio.get_running_loop().create_task(
                self._call(items), context=contextvars.Context()
            )
            self._calls.add(task)
            for item in items:
                item.future.add_done_callback(functools.partial(_cancel_unwanted, task, items))

    def _may_start(self) -> bool:
        if len(self._calls) < self._eager_calls:
            return True
        full = self._queue.frames >= self._max_call_frames
        return full and len(self._calls) < self._max_calls

    async def _call(self, items: list[Item]) -> None:
        try:
            # The shares of all calls in flight add up to what waits, however often replicas are
            # asked, and end with the calls.
            waiting = self._queue.frames / len(self._calls)
            origins = [item.origin for item in items]
            results = await self._send([item.frames for item in items], waiting, origins)
            if len(results) != len(items):
                raise InferenceError("The model returned another number of results than items.")
            for item, result in zip(items, results, strict=True):
                if isinstance(result, VigilError):
                    item.fail(result)
                else:
                    item.answer(result)
        except VigilError as error:
            for item in items:
                item.fail(error)
        finally:
            for item in items:
                # Only when this task was cancelled, or `send` broke its promise.
                item.fail(InferenceError("The call to the model was broken off."))
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine of a task
            self._calls.discard(task)
            self._pump()


def _cancel_unwanted(
    call: asyncio.Task[None], items: list[Item], _: asyncio.Future[Scores]
) -> None:
    """Cancel a call that all its callers gave up."""
    if all(item.future.cancelled() for item in items):
        call.cancel()
