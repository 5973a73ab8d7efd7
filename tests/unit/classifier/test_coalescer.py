"""The coalescer without Ray: when calls leave, what they carry, who gets which answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from deployments.classifier.coalescer import Coalescer, Origins
from deployments.classifier.replica import ItemResult
from deployments.errors import InferenceError, OverloadedError, ReplicaLostError
from deployments.types import Frames
from tests.unit.classifier.test_batcher import POISON, frames_of, until


class Wire:
    """Answers with the frames' values; calls are held while the gate is shut."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.waiting: list[float] = []
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(
        self, items: list[Frames], waiting: float, origins: Origins
    ) -> Sequence[ItemResult]:
        self.waiting.append(waiting)
        self.calls.append([int(v) for item in items for v in item[:, 0, 0, 0]])
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return [
            InferenceError("poisoned")
            if POISON in item
            else item[:, 0, 0, 0].astype(np.float32)[:, None]
            for item in items
        ]


def make(wire: Wire, size: int = 8, queue: int = 100, max_calls: int = 4) -> Coalescer:
    return Coalescer(wire, max_call_frames=size, max_queued_frames=queue, max_calls=max_calls)


async def test_frames_gather_while_the_eager_calls_are_out_and_leave_together() -> None:
    wire = Wire()
    coalescer = make(wire)
    wire.gate.clear()
    tasks = [asyncio.create_task(coalescer.submit(frames_of(i))) for i in range(7)]
    await until(lambda: len(wire.calls) == 2)
    assert wire.calls == [[0], [1]]
    wire.gate.set()
    scores = await asyncio.gather(*tasks)
    assert wire.calls == [[0], [1], [2, 3, 4, 5, 6]]
    assert [float(s[0, 0]) for s in scores] == list(range(7))
    await until(lambda: coalescer.idle)


async def test_full_calls_leave_at_once_up_to_the_bound() -> None:
    wire = Wire()
    coalescer = make(wire, size=2, max_calls=4)
    wire.gate.clear()
    tasks = [asyncio.create_task(coalescer.submit(frames_of(i, i))) for i in range(9)]
    await until(lambda: len(wire.calls) == 4)
    await asyncio.sleep(0)
    assert len(wire.calls) == 4
    wire.gate.set()
    await asyncio.gather(*tasks)
    assert all(len(call) <= 2 for call in wire.calls)


async def test_the_calls_in_flight_tell_together_what_waits_behind_them() -> None:
    wire = Wire()
    coalescer = make(wire, size=2, max_calls=4)
    wire.gate.clear()
    tasks = [asyncio.create_task(coalescer.submit(frames_of(i, i))) for i in range(9)]
    await until(lambda: len(wire.calls) == 4)
    # The first two left before the rest came; the next two found none waiting behind them yet.
    assert sum(wire.waiting) <= 10
    wire.gate.set()
    await asyncio.gather(*tasks)
    assert wire.waiting[4] > 0
    assert wire.waiting[-1] == 0


async def test_one_bad_item_of_a_call_fails_alone() -> None:
    wire = Wire()
    coalescer = make(wire)
    wire.gate.clear()
    values = (1, 2, 3, POISON, 5)
    tasks = [asyncio.create_task(coalescer.submit(frames_of(v))) for v in values]
    await until(lambda: len(wire.calls) == 2)
    wire.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, InferenceError) for answer in answers] == [False] * 3 + [True, False]


async def test_a_failed_call_fails_its_items_and_not_the_next_call() -> None:
    wire = Wire()
    coalescer = make(wire)
    wire.error = ReplicaLostError("gone")
    with pytest.raises(ReplicaLostError):
        await coalescer.submit(frames_of(1))
    wire.error = None
    assert (await coalescer.submit(frames_of(2)))[0, 0] == 2


async def test_an_unforeseen_failure_of_the_call_still_answers_everybody() -> None:
    async def short(items: list[Frames], waiting: float, origins: Origins) -> list[ItemResult]:
        return []

    coalescer = Coalescer(short, max_call_frames=8, max_queued_frames=10)
    with pytest.raises(InferenceError):
        await coalescer.submit(frames_of(1))


async def test_a_call_that_nobody_waits_for_is_cancelled() -> None:
    wire = Wire()
    coalescer = make(wire)
    wire.gate.clear()
    task = asyncio.create_task(coalescer.submit(frames_of(1)))
    await until(lambda: bool(wire.calls))
    task.cancel()
    await until(lambda: wire.cancelled == 1)
    await until(lambda: coalescer.idle)


async def test_a_call_goes_on_while_anybody_waits_for_it() -> None:
    wire = Wire()
    coalescer = make(wire)
    wire.gate.clear()
    tasks = [asyncio.create_task(coalescer.submit(frames_of(i))) for i in range(4)]
    await until(lambda: len(wire.calls) == 2)
    wire.gate.set()
    await asyncio.gather(*tasks[:2])
    wire.gate.clear()
    await until(lambda: len(wire.calls) == 3)
    tasks[2].cancel()
    await asyncio.gather(tasks[2], return_exceptions=True)
    wire.gate.set()
    assert (await tasks[3])[0, 0] == 3
    assert wire.cancelled == 0


async def test_a_full_queue_refuses() -> None:
    wire = Wire()
    coalescer = make(wire, queue=3, max_calls=2)
    wire.gate.clear()
    tasks = [asyncio.create_task(coalescer.submit(frames_of(i))) for i in range(5)]
    await until(lambda: len(wire.calls) == 2)
    with pytest.raises(OverloadedError):
        await coalescer.submit(frames_of(8))
    wire.gate.set()
    await asyncio.gather(*tasks)


async def test_the_call_does_not_inherit_the_context_of_the_request_that_started_it() -> None:
    import contextvars

    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    async def send(items: list[Frames], waiting: float, origins: Origins) -> list[ItemResult]:
        seen.append(request.get())
        return [np.zeros((len(item), 1), np.float32) for item in items]

    request.set("mine")
    await Coalescer(send, max_call_frames=8, max_queued_frames=10).submit(frames_of(1))
    assert seen == ["none"]


class TwoReplicas:
    """Calls whose first frame is in ``hung`` never come back the first time; others answer."""

    def __init__(self, *hung: int) -> None:
        self.hung = set(hung)
        self.calls: list[list[int]] = []
        self.cancelled = 0

    async def __call__(
        self, items: list[Frames], waiting: float, origins: Origins
    ) -> Sequence[ItemResult]:
        values = [int(v) for item in items for v in item[:, 0, 0, 0]]
        self.calls.append(values)
        if values[0] in self.hung:
            self.hung.remove(values[0])
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
        return [item[:, 0, 0, 0].astype(np.float32)[:, None] for item in items]


async def test_calls_that_hang_hold_back_no_frames_for_long() -> None:
    send = TwoReplicas(1, 2)
    coalescer = Coalescer(send, max_call_frames=8, max_queued_frames=100, patience_seconds=0.01)
    hanging = [asyncio.create_task(coalescer.submit(frames_of(value))) for value in (1, 2)]
    await until(lambda: len(send.calls) == 2)
    assert (await coalescer.submit(frames_of(3)))[0, 0] == 3
    for task in hanging:
        task.cancel()
    await until(lambda: coalescer.idle)


async def test_slow_calls_hold_frames_back_while_answers_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where queues are long, every call takes long: calls of few frames would make them longer.
    loop = asyncio.get_running_loop()
    real_time, passed = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + passed)
    answers: list[asyncio.Event] = []

    async def send(items: list[Frames], waiting: float, origins: Origins) -> Sequence[ItemResult]:
        answers.append(answered := asyncio.Event())
        await answered.wait()
        return [np.zeros((len(item), 1), np.float32) for item in items]

    coalescer = Coalescer(send, max_call_frames=2, max_queued_frames=100, patience_seconds=100)
    tasks = []
    for values in ((1,), (2,), (3, 3), (4, 4)):
        tasks.append(asyncio.create_task(coalescer.submit(frames_of(*values))))
        await until(lambda: len(answers) == len(tasks))
    waiting = asyncio.create_task(coalescer.submit(frames_of(9)))
    for answered, task in zip(answers[:2], tasks, strict=False):
        passed += 90
        answered.set()
        await task
    await asyncio.sleep(0)
    assert len(answers) == 4
    answers[2].set()
    await until(lambda: len(answers) == 5)
    for answered in answers:
        answered.set()
    await asyncio.gather(*tasks, waiting)


async def test_a_call_that_a_much_later_one_overtook_is_made_again() -> None:
    send = TwoReplicas(1)
    coalescer = Coalescer(send, max_call_frames=8, max_queued_frames=100, overtaken_seconds=0.0)
    hanging = asyncio.create_task(coalescer.submit(frames_of(1)))
    await until(lambda: len(send.calls) == 1)
    assert (await coalescer.submit(frames_of(2)))[0, 0] == 2
    assert (await hanging)[0, 0] == 1
    assert send.calls == [[1], [2], [1]]
    await until(lambda: coalescer.idle)
    assert send.cancelled == 1


async def test_a_call_that_is_overtaken_by_little_is_left_alone() -> None:
    send = TwoReplicas(1)
    coalescer = Coalescer(send, max_call_frames=8, max_queued_frames=100)
    hanging = asyncio.create_task(coalescer.submit(frames_of(1)))
    await until(lambda: len(send.calls) == 1)
    assert (await coalescer.submit(frames_of(2)))[0, 0] == 2
    assert send.calls == [[1], [2]]
    hanging.cancel()
    await until(lambda: coalescer.idle)


async def test_frames_that_others_follow_wait_for_them_and_share_a_call() -> None:
    wire = Wire()
    coalescer = Coalescer(
        wire, max_call_frames=8, max_queued_frames=100, gather_frames=3, gather_seconds=60
    )

    async def submit(value: int, *, more_follow: bool) -> None:
        await coalescer.submit(frames_of(value), more_follow=more_follow)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for value in range(5):
            group.create_task(submit(value, more_follow=value < 4))

    assert wire.calls == [[0, 1, 2], [3, 4]]


async def test_frames_wait_for_those_that_follow_no_longer_than_they_may() -> None:
    wire = Wire()
    coalescer = Coalescer(wire, max_call_frames=8, max_queued_frames=100, gather_seconds=0.001)

    async with asyncio.timeout(10):
        await coalescer.submit(frames_of(1), more_follow=True)

    assert wire.calls == [[1]]


async def test_frames_that_none_follow_take_those_along_that_gathered() -> None:
    wire = Wire()
    coalescer = Coalescer(wire, max_call_frames=8, max_queued_frames=100, gather_seconds=60)
    waiting = [
        asyncio.create_task(coalescer.submit(frames_of(i), more_follow=True)) for i in range(3)
    ]
    await asyncio.sleep(0)
    assert wire.calls == []

    async with asyncio.timeout(10):
        await coalescer.submit(frames_of(3))
        await asyncio.gather(*waiting)

    assert wire.calls == [[0, 1, 2, 3]]
