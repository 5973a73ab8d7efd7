"""Retrying and translating, with Ray's exceptions but without Ray running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from ray.exceptions import ActorDiedError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from deployments.calls import RetryPolicy, retrying, within
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
