"""Fewer, larger calls: frames of concurrent requests leave together, without a waiting time.

A remote call costs some milliseconds of CPU whatever it carries. While ``eager_calls`` calls are in
flight, new frames gather, and leave when a call returns, or as soon as they fill a call. Frames
whose caller knows that more follow (images wait to be decoded, so that the CPU holds everything up)
gather before that already, for ``gather_seconds`` at most. Each call tells its share of the frames
that still wait here, so that the autoscaler sees them.

A host that is cut off answers nothing and ends nothing: calls to it hang. So a call that seems to
hang no longer holds frames back, and one that a much later call overtook is made again; it may have
gone to another replica, and the first answer counts.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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


@dataclass(slots=True, eq=False)
class _Call:
    """A call in flight."""

    items: list[Item]
    started: float
    repeated: bool = False


class Coalescer:
    """Merges the frames of concurrent callers into few calls of one model.

    Args:
        send: Makes one call.
        max_call_frames: Frames that one call carries at most; a larger item is cut.
        max_queued_frames: Frames that may wait here; beyond them `submit` refuses.
        eager_calls: Below so many calls in flight, even a single frame leaves at once.
        max_calls: Calls in flight at most.
        gather_frames: So many frames do not wait for those that follow.
        gather_seconds: The first of them waits no longer for those that follow.
        patience_seconds: A call does not count as in flight for ``eager_calls`` any more when one
            that left so much later was answered, or when nothing was answered for so long.
        overtaken_seconds: A call is made again when one that left so much later was answered.
            Replicas whose queues differ by less must not have it happen.
    """

    def __init__(
        self,
        send: Send,
        *,
        max_call_frames: int,
        max_queued_frames: int,
        eager_calls: Callable[[], int] = lambda: 2,
        max_calls: int = 32,
        gather_frames: int = 16,
        gather_seconds: float = 0.04,
        patience_seconds: float = 2.0,
        overtaken_seconds: float = 5.0,
    ) -> None:
        self._send = send
        self._max_call_frames = max_call_frames
        self._eager_calls = eager_calls
        self._max_calls = max_calls
        self._gather_frames = min(gather_frames, max_call_frames)
        self._gather_seconds = gather_seconds
        self._gathering: asyncio.TimerHandle | None = None
        """Runs while frames wait for those that follow."""
        self._patience_seconds = patience_seconds
        self._overtaken_seconds = overtaken_seconds
        self._calls: set[_Call] = set()
        self._answered_at = -math.inf
        self._answered_started = -math.inf
        """When the call that left last, of those with an answer, had left."""
        self._timer: asyncio.TimerHandle | None = None
        self._queue = FrameQueue(
            max_item_frames=max_call_frames, max_queued_frames=max_queued_frames, wake=self._pump
        )

    @property
    def idle(self) -> bool:
        """True when nothing waits and no call is in flight."""
        return not self._queue and not self._calls

    async def submit(self, frames: Frames, *, more_follow: bool = False) -> Scores:
        """Scores ``[N, L]`` of frames ``[N, H, W, 3]``, N ≥ 1.

        Args:
            frames: To be scored.
            more_follow: Further ones are about to be submitted: these may wait for them.

        Raises:
            OverloadedError: The queue is full.
            VigilError: What the call, or this item of it, failed with.
        """
        if not more_follow:
            self._stop_gathering()
        elif not self._queue and self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(self._gather_seconds, self._gathered)
        return await self._queue.submit(frames)

    def _gathered(self) -> None:
        self._stop_gathering()
        self._pump()

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def _pump(self) -> None:
        """Start the calls that may start now."""
        if self._gathering is not None and self._queue.frames < self._gather_frames:
            return
        self._stop_gathering()
        loop = asyncio.get_running_loop()
        while self._queue and self._may_start(loop.time()):
            self._start(self._queue.take(self._max_call_frames))
        if self._queue and self._timer is None:
            self._timer = loop.call_later(self._patience_seconds, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._pump()

    def _may_start(self, now: float) -> bool:
        if len(self._calls) >= self._max_calls:
            return False
        hopeful = sum(self._is_hopeful(call, now) for call in self._calls)
        return hopeful < self._eager_calls() or self._queue.frames >= self._max_call_frames

    def _is_hopeful(self, call: _Call, now: float) -> bool:
        """Whether a call may just be slow, as all are where the queues are long."""
        return (
            self._answered_started <= call.started + self._patience_seconds
            and now < max(call.started, self._answered_at) + self._patience_seconds
        )

    def _start(self, items: list[Item]) -> None:
        loop = asyncio.get_running_loop()
        call = _Call(items, loop.time())
        self._calls.add(call)
        # An empty context: the call belongs to several requests, and must not be cancelled with the
        # one that happened to start it.
        task = loop.create_task(self._run(call), context=contextvars.Context())
        for item in items:
            item.future.add_done_callback(functools.partial(_cancel_unwanted, task, items))

    def _repeat_overtaken(self, answered: _Call) -> None:
        for call in list(self._calls):
            if not call.repeated and call.started + self._overtaken_seconds < answered.started:
                call.repeated = True
                self._start(call.items)

    async def _run(self, call: _Call) -> None:
        items = call.items
        try:
            # The shares of all calls in flight add up to what waits, however often replicas are
            # asked, and end with the calls.
            waiting = self._queue.frames / len(self._calls)
            origins = [item.origin for item in items]
            results = await self._send([item.frames for item in items], waiting, origins)
            if len(results) != len(items):
                raise InferenceError("The model returned another number of results than items.")
            self._answered_at = asyncio.get_running_loop().time()
            self._answered_started = max(self._answered_started, call.started)
            self._repeat_overtaken(call)
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
            self._calls.discard(call)
            self._pump()


def _cancel_unwanted(
    call: asyncio.Task[None], items: list[Item], _: asyncio.Future[Scores]
) -> None:
    """Cancel a call that nobody waits for any more: given up, or answered by its repetition."""
    if all(item.future.done() for item in items):
        call.cancel()
