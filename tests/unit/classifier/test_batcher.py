"""The batcher without Ray: merging, bounds, isolation, cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.classifier.batcher import Batcher, BatchReport
from deployments.errors import InferenceError, OverloadedError
from deployments.types import Frames, Scores

POISON = 255


def frames_of(*values: int) -> Frames:
    return np.stack([np.full((2, 2, 3), value, np.uint8) for value in values])


class Recorder:
    """A model whose score is the frame's value; fails on ``POISON``; can be held."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, items: Sequence[Frames]) -> Scores:
        values = np.concatenate(items)[:, 0, 0, 0]
        self.batches.append([int(value) for value in values])
        self.entered.set()
        assert self.gate.wait(10)
        if POISON in values:
            raise ValueError("poisoned")
        return values.astype(np.float32)[:, None]


def make(
    run: Callable[[Sequence[Frames]], Scores], size: int = 8, queue: int = 1000
) -> tuple[Batcher, list[BatchReport]]:
    reports: list[BatchReport] = []
    return (
        Batcher(run, max_batch_size=size, max_queued_frames=queue, report=reports.append),
        reports,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is another thread's
            await asyncio.sleep(0.001)


async def test_items_that_arrive_while_a_batch_runs_leave_together() -> None:
    model = Recorder()
    batcher, reports = make(model, size=8)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(frames_of(1)))
    await until(model.entered.is_set)
    rest = [asyncio.create_task(batcher.submit(frames_of(i))) for i in range(2, 8)]
    await until(lambda: batcher.queued_frames == 6)
    model.gate.set()
    answers = await asyncio.gather(first, *rest)
    assert model.batches == [[1], [2, 3, 4, 5, 6, 7]]
    assert [float(answer[0, 0]) for answer in answers] == [1, 2, 3, 4, 5, 6, 7]
    assert [report.frames for report in reports] == [1, 6]
    assert batcher.queued_frames == 0
    assert batcher.running_seconds == 0


async def test_an_item_larger_than_a_batch_is_cut_and_comes_back_whole() -> None:
    model = Recorder()
    batcher, _ = make(model, size=4)
    scores = await batcher.submit(frames_of(*range(10)))
    assert scores[:, 0].tolist() == list(range(10))
    assert max(map(len, model.batches)) <= 4


async def test_a_failing_item_fails_alone() -> None:
    model = Recorder()
    batcher, _ = make(model)
    answers = await asyncio.gather(
        *(batcher.submit(frames_of(value)) for value in (1, 2, POISON, 4)), return_exceptions=True
    )
    assert isinstance(answers[2], InferenceError)
    assert isinstance(answers[2].__cause__, ValueError)
    assert [float(a[0, 0]) for a in answers if not isinstance(a, BaseException)] == [1, 2, 4]


async def test_a_wrong_number_of_rows_is_an_error_not_an_answer() -> None:
    batcher, _ = make(lambda items: np.zeros((1, 2), np.float32))
    with pytest.raises(InferenceError, match="another number"):
        await batcher.submit(frames_of(1, 2))


async def test_a_cancelled_item_is_dropped_and_the_others_go_on() -> None:
    model = Recorder()
    batcher, _ = make(model)
    model.gate.clear()
    running = asyncio.create_task(batcher.submit(frames_of(1)))
    await until(model.entered.is_set)
    doomed = asyncio.create_task(batcher.submit(frames_of(2)))
    kept = asyncio.create_task(batcher.submit(frames_of(3)))
    await until(lambda: batcher.queued_frames == 2)
    doomed.cancel()
    running.cancel()  # in the model at this moment: its answer goes nowhere, and harms nobody
    await asyncio.gather(doomed, running, return_exceptions=True)
    model.gate.set()
    assert (await kept)[0, 0] == 3
    assert model.batches == [[1], [3]]
    assert (await batcher.submit(frames_of(4)))[0, 0] == 4


async def test_a_full_queue_refuses_and_recovers() -> None:
    model = Recorder()
    batcher, _ = make(model, queue=3)
    model.gate.clear()
    running = asyncio.create_task(batcher.submit(frames_of(1)))
    await until(model.entered.is_set)
    waiting = asyncio.create_task(batcher.submit(frames_of(2, 3)))
    await until(lambda: batcher.queued_frames == 2)
    with pytest.raises(OverloadedError):
        await batcher.submit(frames_of(4, 5))
    model.gate.set()
    await asyncio.gather(running, waiting)
    assert (await batcher.submit(frames_of(6)))[0, 0] == 6


async def test_an_item_larger_than_the_queue_is_taken_when_nothing_waits() -> None:
    batcher, _ = make(Recorder(), size=2, queue=3)
    assert len(await batcher.submit(frames_of(*range(9)))) == 9


@given(
    sizes=st.lists(st.integers(1, 13), min_size=1, max_size=25),
    poisoned=st.sets(st.integers(0, 24)),
    cancelled=st.sets(st.integers(0, 24)),
    max_batch_size=st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_every_item_gets_its_own_answer_whatever_its_neighbours_do(
    sizes: list[int], poisoned: set[int], cancelled: set[int], max_batch_size: int
) -> None:
    async def run() -> None:
        model = Recorder()
        batcher, _ = make(model, size=max_batch_size)
        tasks = [
            asyncio.create_task(batcher.submit(frames_of(*[POISON if i in poisoned else i] * size)))
            for i, size in enumerate(sizes)
        ]
        await asyncio.sleep(0)
        for i in cancelled & set(range(len(tasks))):
            tasks[i].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for i, (size, answer) in enumerate(zip(sizes, answers, strict=True)):
            if i in cancelled:
                assert isinstance(answer, asyncio.CancelledError)
            elif i in poisoned:
                assert isinstance(answer, InferenceError)
            else:
                assert not isinstance(answer, BaseException)
                assert answer[:, 0].tolist() == [i] * size
        assert all(len(batch) <= max_batch_size for batch in model.batches)
        assert batcher.queued_frames == 0

    asyncio.run(run())


async def test_a_model_that_takes_two_batches_gets_the_second_when_it_is_full() -> None:
    model = Recorder()
    batcher = Batcher(model, max_batch_size=4, max_queued_frames=100, parallel_batches=2)
    model.gate.clear()
    first = asyncio.create_task(batcher.submit(frames_of(1)))
    await until(model.entered.is_set)

    few = [asyncio.create_task(batcher.submit(frames_of(value))) for value in (2, 3, 4)]
    await until(lambda: batcher.queued_frames == 3)
    for _ in range(5):
        await asyncio.sleep(0)
    assert model.batches == [[1]]

    full = asyncio.create_task(batcher.submit(frames_of(5)))
    await until(lambda: len(model.batches) == 2)
    assert model.batches == [[1], [2, 3, 4, 5]]
    third = [asyncio.create_task(batcher.submit(frames_of(i))) for i in range(6, 11)]
    await until(lambda: batcher.queued_frames == 5)
    assert batcher.running_seconds > 0
    model.gate.set()
    answers = await asyncio.gather(first, *few, full, *third)
    assert [float(answer[0, 0]) for answer in answers] == list(range(1, 11))
    assert sorted(map(len, model.batches)) == [1, 1, 4, 4]
    assert batcher.running_seconds == 0


@given(
    sizes=st.lists(st.integers(1, 13), min_size=1, max_size=25),
    parallel_batches=st.integers(1, 3),
    max_batch_size=st.integers(1, 9),
)
@settings(max_examples=40, deadline=None)
def test_every_item_is_answered_however_many_batches_run_at_a_time(
    sizes: list[int], parallel_batches: int, max_batch_size: int
) -> None:
    async def run() -> None:
        model = Recorder()
        batcher = Batcher(
            model,
            max_batch_size=max_batch_size,
            max_queued_frames=1000,
            parallel_batches=parallel_batches,
        )
        tasks = []
        for i, size in enumerate(sizes):
            tasks.append(asyncio.create_task(batcher.submit(frames_of(*[i] * size))))
            if i % 3 == 0:
                await asyncio.sleep(0)
        for i, answer in enumerate(await asyncio.gather(*tasks)):
            assert answer[:, 0].tolist() == [i] * sizes[i]
        assert all(len(batch) <= max_batch_size for batch in model.batches)

    asyncio.run(run())
