"""Retrying and translating, with Ray's exceptions but without Ray running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import aclosing

import grpc
import pytest
from ray.exceptions import ActorDiedError, RayTaskError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RequestCancelledError,
)

from deployments.calls import RetryPolicy, retrying, streaming, wanted, within
from deployments.errors import (
    CorruptMediaError,
    DeadlineExceededError,
    InferenceError,
    ModelUnavailableError,
    OverloadedError,
    ReplicaLostError,
    VigilError,
)

POLICY = RetryPolicy(max_retries=3, first_pause_seconds=0.0)


def failing(*errors: Exception) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    """A call that raises one error after the other, then answers."""
    tries: list[int] = []
    left = list(errors)

    async def call() -> str:
        tries.append(1)
        if left:
            raise left.pop(0)
        return "answer"

    return call, tries


def raised_in_replica(cause: Exception) -> Exception:
    error: Exception = RayTaskError("f", "traceback", cause).as_instanceof_cause()
    return error


async def test_a_call_is_made_again_when_its_replica_died() -> None:
    call, tries = failing(ActorDiedError(), ActorDiedError())
    assert await retrying("It", call, POLICY) == "answer"
    assert len(tries) == 3


async def test_retries_are_bounded() -> None:
    call, tries = failing(*[ActorDiedError()] * 9)
    with pytest.raises(ReplicaLostError):
        await retrying("It", call, POLICY)
    assert len(tries) == 1 + POLICY.max_retries


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (raised_in_replica(CorruptMediaError("cut")), CorruptMediaError),
        (raised_in_replica(OverloadedError("full", 3)), OverloadedError),
        (raised_in_replica(ZeroDivisionError()), InferenceError),
        (CorruptMediaError("cut"), CorruptMediaError),
        (ZeroDivisionError(), InferenceError),
        (BackPressureError(9, 9), OverloadedError),
        (DeploymentUnavailableError(None), ModelUnavailableError),
    ],
)
async def test_what_a_replica_raised_arrives_as_our_own_error_without_a_retry(
    raised: Exception, expected: type[VigilError]
) -> None:
    call, tries = failing(raised)
    with pytest.raises(expected) as caught:
        await retrying("It", call, POLICY)
    assert len(tries) == 1
    assert "Traceback" not in caught.value.detail
    assert isinstance(caught.value.detail, str)


async def test_waiting_ends_at_the_deadline_and_cancels_the_work() -> None:
    cancelled = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(DeadlineExceededError):
        await within(0.01, "It", forever())
    assert cancelled.is_set()


def test_every_error_survives_the_way_between_processes() -> None:
    import pickle

    def tree(kind: type[VigilError]) -> list[type[VigilError]]:
        # Ray's wrappers of our errors are subclasses, too.
        children = [c for c in kind.__subclasses__() if c.__module__ == kind.__module__]
        return [kind, *(leaf for child in children for leaf in tree(child))]

    for kind in tree(VigilError):
        error = pickle.loads(pickle.dumps(kind("what is wrong")))
        assert type(error) is kind
        assert error.detail == "what is wrong"
    overloaded = pickle.loads(pickle.dumps(OverloadedError("full", 7)))
    assert overloaded.retry_after_seconds == 7


class Answer:
    """A stream of numbers that ends with an error, or goes on for ever at the last one."""

    def __init__(self, items: int, error: Exception | None = None, *, stuck: bool = False) -> None:
        self._items = iter(range(items))
        self._error = error
        self._stuck = stuck
        self.is_cancelled = False

    async def __anext__(self) -> int:
        for item in self._items:
            return item
        if self._stuck:
            await asyncio.Event().wait()
        raise self._error or StopAsyncIteration

    def cancel(self) -> None:
        self.is_cancelled = True


async def drawn(answers: list[Answer], seconds: float = 60.0) -> list[int]:
    left = iter(answers)
    return [item async for item in streaming(seconds, "It", lambda: next(left), POLICY)]


async def test_a_stream_arrives_item_by_item() -> None:
    assert await drawn([Answer(3)]) == [0, 1, 2]


async def test_a_stream_is_asked_for_again_while_nothing_of_it_has_come() -> None:
    assert await drawn([Answer(0, ActorDiedError()), Answer(2)]) == [0, 1]
    with pytest.raises(ReplicaLostError):
        await drawn([Answer(1, ActorDiedError()), Answer(2)])


async def test_a_stream_that_can_be_told_again_goes_on_with_what_is_new() -> None:
    tries = iter([Answer(2, ActorDiedError()), Answer(4)])
    seen: set[int] = set()

    def is_news(item: int) -> bool:
        return item not in seen and not seen.add(item)  # type: ignore[func-returns-value]

    items = streaming(60.0, "It", lambda: next(tries), POLICY, is_news=is_news)
    assert [item async for item in items] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (raised_in_replica(CorruptMediaError("cut")), CorruptMediaError),
        (raised_in_replica(ZeroDivisionError()), InferenceError),
        (BackPressureError(9, 9), OverloadedError),
    ],
)
async def test_what_a_stream_ends_with_arrives_as_our_own_error(
    raised: Exception, expected: type[VigilError]
) -> None:
    with pytest.raises(expected):
        await drawn([Answer(1, raised)])


async def test_a_stream_that_takes_too_long_ends_at_the_deadline_and_is_cancelled() -> None:
    answer = Answer(1, stuck=True)
    with pytest.raises(DeadlineExceededError):
        await drawn([answer], seconds=0.01)
    assert answer.is_cancelled


async def test_closing_a_stream_cancels_the_call() -> None:
    answer = Answer(9)
    async with aclosing(streaming(60.0, "It", lambda: answer, POLICY)) as items:
        assert await anext(items) == 0
        assert not answer.is_cancelled
    assert answer.is_cancelled


class Answering:
    """A handle's response that ends with an error, or never."""

    def __init__(self, error: BaseException | None) -> None:
        self._error = error
        self.cancelled = False

    def __await__(self) -> Generator[object, None, str]:
        if self._error:
            raise self._error
        yield from asyncio.Event().wait().__await__()
        raise AssertionError

    def cancel(self) -> None:
        self.cancelled = True


async def test_a_call_that_nobody_waits_for_any_more_is_cancelled_at_the_replica() -> None:
    response = Answering(None)
    with pytest.raises(DeadlineExceededError):
        await within(0.01, "It", wanted(response))
    assert response.cancelled


@pytest.mark.parametrize("error", [asyncio.CancelledError(), RequestCancelledError("id")])
async def test_a_call_that_serve_cancels_by_itself_is_made_again(error: BaseException) -> None:
    responses = [Answering(error)]

    async def call() -> str:
        return await wanted(responses.pop()) if responses else "answer"

    assert await retrying("It", call, POLICY) == "answer"


def ended_with(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
async def test_a_call_whose_connection_broke_is_made_again(code: grpc.StatusCode) -> None:
    call, tries = failing(ended_with(code))
    assert await retrying("It", call, POLICY) == "answer"
    assert len(tries) == 2


async def test_a_message_that_is_too_large_is_not_sent_again() -> None:
    call, tries = failing(ended_with(grpc.StatusCode.RESOURCE_EXHAUSTED))
    with pytest.raises(InferenceError):
        await retrying("It", call, POLICY)
    assert len(tries) == 1
