"""The batcher and the coalescer when things happen in any order: nothing lost, mixed up or hung."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.classifier.batcher import Batcher
from deployments.classifier.coalescer import Coalescer
from deployments.errors import InferenceError, OverloadedError, ReplicaLostError
from deployments.types import Frames, Scores
from tests.unit.classifier.test_batcher import until

SIZE = 4
QUEUE = 12
MAX_CALLS = 3
POISON = 255

SUBMIT = st.tuples(
    st.just("submit"), st.lists(st.sampled_from([1, 2, 3, POISON]), min_size=1, max_size=9)
)
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 20))
TURN = st.tuples(st.just("turn"), st.just(0))


def frames_of(number: int, values: Sequence[int]) -> Frames:
    """One frame a value; each also carries which submission it belongs to, and its place in it."""
    frames = np.zeros((len(values), 1, 1, 3), np.uint8)
    frames[:, 0, 0, 0] = values
    frames[:, 0, 0, 1] = number
    frames[:, 0, 0, 2] = range(len(values))
    return frames


def scores_of(frames: Frames) -> Scores:
    """A frame's submission, and its place in it: an answer tells whose it is."""
    return frames[:, 0, 0, 1:].astype(np.float32)


@dataclass
class Submitted:
    """One submission and what became of it."""

    number: int
    values: list[int]
    task: asyncio.Task[Scores]
    asked_to_cancel: bool = False

    def check(self, allowed_errors: tuple[type[Exception], ...]) -> None:
        """It ended, once, as it may."""
        assert self.task.done()
        if self.task.cancelled():
            assert self.asked_to_cancel
        elif error := self.task.exception():
            assert isinstance(error, allowed_errors), error
            if isinstance(error, InferenceError):
                assert POISON in self.values
        else:
            expected = scores_of(frames_of(self.number, self.values))
            assert (self.task.result() == expected).all()
            assert POISON not in self.values


class Play:
    """Submits and cancels as a list of steps says."""

    def __init__(self, submit: Callable[[Frames], Awaitable[Scores]]) -> None:
        self._submit = submit
        self.submitted: list[Submitted] = []

    async def step(self, kind: str, argument: Any) -> None:
        if kind == "submit":
            number = len(self.submitted)
            task = asyncio.ensure_future(self._submit(frames_of(number, argument)))
            self.submitted.append(Submitted(number, argument, task))
        elif kind == "cancel" and self.submitted:
            victim = self.submitted[argument % len(self.submitted)]
            victim.asked_to_cancel = True
            victim.task.cancel()
        elif kind == "turn":
            await asyncio.sleep(0)

    async def end(self) -> None:
        async with asyncio.timeout(20):
            await asyncio.gather(*(one.task for one in self.submitted), return_exceptions=True)


class GatedModel:
    """Runs one batch each time that it is let; fails on what is poisoned."""

    def __init__(self) -> None:
        self.may_run = threading.Semaphore(0)
        self.batches: list[int] = []
        self.clean_runs: list[tuple[int, int]] = []

    def __call__(self, items: Sequence[Frames]) -> Scores:
        assert self.may_run.acquire(timeout=20)
        frames = np.concatenate(items)
        self.batches.append(len(frames))
        if POISON in frames[:, 0, 0, 0]:
            raise ValueError("poisoned")
        scores = scores_of(frames)
        self.clean_runs += [(int(number), int(place)) for number, place in scores]
        return scores


@settings(max_examples=60, deadline=None)
@given(st.lists(SUBMIT | CANCEL | TURN | st.tuples(st.just("run"), st.just(0)), max_size=40))
async def test_a_batcher_answers_everyone_once_whatever_happens_in_which_order(
    steps: list[tuple[str, Any]],
) -> None:
    model = GatedModel()
    batcher = Batcher(model, max_batch_size=SIZE, max_queued_frames=QUEUE)
    play = Play(batcher.submit)
    for kind, argument in steps:
        if kind == "run":
            model.may_run.release()
        await play.step(kind, argument)
        # A submission larger than the queue is taken when nothing else waits.
        assert batcher.queued_frames <= max(QUEUE, 9)
    model.may_run.release(1000)
    await play.end()
    for one in play.submitted:
        one.check((InferenceError, OverloadedError))
    assert batcher.queued_frames == 0
    assert max(model.batches, default=0) <= SIZE
    assert len(model.clean_runs) == len(set(model.clean_runs)), "a frame was classified twice"
    late = asyncio.ensure_future(batcher.submit(frames_of(200, [1])))
    async with asyncio.timeout(20):
        assert (await late == scores_of(frames_of(200, [1]))).all()


class GatedWire:
    """Calls that end when, and as, they are told."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[Frames], asyncio.Future[str]]] = []
        self.most = 0

    async def __call__(self, items: list[Frames], *_: object) -> list[Any]:
        assert sum(map(len, items)) <= SIZE
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        call = (items, outcome)
        self.calls.append(call)
        self.most = max(self.most, len(self.calls))
        try:
            how = await outcome
        finally:
            self.calls = [other for other in self.calls if other is not call]
        if how == "lose":
            raise ReplicaLostError("lost")
        if how == "break":
            raise RuntimeError("a bug")
        answers = [
            InferenceError("poisoned") if POISON in item[:, 0, 0, 0] else scores_of(item)
            for item in items
        ]
        return answers[:-1] if how == "short" else answers

    def end(self, which: int, how: str) -> None:
        waiting = [outcome for _, outcome in self.calls if not outcome.done()]
        if waiting:
            waiting[which % len(waiting)].set_result(how)


ENDINGS = st.tuples(st.sampled_from(["answer", "lose", "short"]), st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(st.lists(SUBMIT | CANCEL | TURN | ENDINGS, max_size=60))
async def test_a_coalescer_answers_everyone_once_whatever_happens_in_which_order(
    steps: list[tuple[str, Any]],
) -> None:
    wire = GatedWire()
    coalescer = Coalescer(wire, max_call_frames=SIZE, max_queued_frames=QUEUE, max_calls=MAX_CALLS)
    play = Play(coalescer.submit)
    short = False
    for kind, argument in steps:
        if kind in {"answer", "lose", "short"}:
            short = short or kind == "short"
            wire.end(argument, kind)
        await play.step(kind, argument)
    for _ in range(300):
        wire.end(0, "answer")
        await asyncio.sleep(0)
    assert coalescer.idle
    assert all(one.task.done() for one in play.submitted)
    for one in play.submitted:
        if short and one.task.done() and not one.task.cancelled() and one.task.exception():
            continue  # a replica that miscounts fails all that were in the call
        one.check((InferenceError, OverloadedError, ReplicaLostError))
    assert wire.most <= MAX_CALLS
    assert not wire.calls


async def test_a_bug_in_a_call_is_an_error_for_its_callers_and_for_nobody_else() -> None:
    wire = GatedWire()
    unhandled: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    coalescer = Coalescer(wire, max_call_frames=SIZE, max_queued_frames=QUEUE)
    doomed = asyncio.ensure_future(coalescer.submit(frames_of(0, [1])))
    await until(lambda: bool(wire.calls))
    wire.end(0, "break")
    with pytest.raises(InferenceError):
        await doomed
    after = asyncio.ensure_future(coalescer.submit(frames_of(1, [1])))
    await until(lambda: bool(wire.calls))
    wire.end(0, "answer")
    assert (await after == scores_of(frames_of(1, [1]))).all()
