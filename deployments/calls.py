"""Calling a replica: again when it died under the call, and never longer than the deadline.

Ray's exceptions end here; what leaves is a `VigilError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, TypeVar

import grpc
from ray.exceptions import RayActorError, RayTaskError, TaskCancelledError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
    RequestCancelledError,
)

from deployments.errors import (
    DeadlineExceededError,
    InferenceError,
    ModelUnavailableError,
    OverloadedError,
    ReplicaLostError,
    VigilError,
)

Result = TypeVar("Result")

Item = TypeVar("Item", covariant=True)


class Response(Protocol[Item]):
    """An answer that is awaited, as Serve's handles return it."""

    def __await__(self) -> Generator[object, None, Item]:
        """The answer."""
        ...

    def cancel(self) -> None:
        """Have the replica leave off; nothing happens where it is done."""
        ...


class Stream(Protocol[Item]):
    """An answer that comes bit by bit, as Serve's handles return it."""

    def __anext__(self) -> Awaitable[Item]:
        """The next bit."""
        ...

    def cancel(self) -> None:
        """Have the replica leave off; nothing happens where it is done."""
        ...


class BrokenOffError(Exception):
    """The replica left off, and nobody here had asked it to."""


LOST = (RayActorError, ReplicaUnavailableError, TaskCancelledError, BrokenOffError)
"""What a call ends with when its replica died or went away under it."""

LOST_CODES = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)
"""The same, where the connection tells; with others (a message too large) a new try ends alike."""

LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is made again. Only for calls that may be made twice."""

    max_retries: int = 8
    first_pause_seconds: float = 0.05
    """Doubles with every retry, up to two seconds: a new replica needs some to start."""


async def wanted(response: Response[Result]) -> Result:
    """The answer of one call; the replica leaves off where it is not awaited to its end.

    Raises:
        BrokenOffError: The replica, or Serve, cancelled the call by itself.
        Exception: What the call ended with.
    """
    try:
        return await response
    except (asyncio.CancelledError, RequestCancelledError) as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            response.cancel()
            raise asyncio.CancelledError from None
        raise BrokenOffError from error


async def within(seconds: float, what: str, work: Awaitable[Result]) -> Result:
    """Wait for ``work``, at most so long; it is cancelled then.

    Raises:
        DeadlineExceededError: It took longer.
    """
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise DeadlineExceededError(f"{what} did not answer within {seconds:g} seconds.") from None


async def retrying(
    what: str,
    call: Callable[[], Awaitable[Result]],
    policy: RetryPolicy,
    on_retry: Callable[[], None] = lambda: None,
) -> Result:
    """Make a call, and again on another replica when its own died.

    Args:
        what: Names the callee in messages: ``The model 'x'``.
        call: Makes one remote call; safe to repeat.
        policy: How often.
        on_retry: Called before each further try.

    Raises:
        ReplicaLostError: Every try's replica died.
        OverloadedError: The callee's queue is full.
        ModelUnavailableError: The callee's deployment failed to start.
        VigilError: What the callee raised; any other exception of its is an `InferenceError`.
    """
    tries = _Tries(what, policy)
    while True:
        try:
            return await call()
        except Exception as error:  # noqa: BLE001 - it is translated, and raised
            await tries.after(error)
            on_retry()


async def streaming(
    seconds: float,
    what: str,
    call: Callable[[], Stream[Result]],
    policy: RetryPolicy,
    on_retry: Callable[[], None] = lambda: None,
    is_news: Callable[[Result], bool] | None = None,
) -> AsyncGenerator[Result, None]:
    """Make a call that answers bit by bit; closing the iterator cancels it.

    It is made again only while nothing of an answer has come, unless the answer can be told from
    its start a second time.

    Args:
        seconds: For the whole answer, its waiting and its retries included.
        what: As of `retrying`.
        call: As of `retrying`.
        policy: As of `retrying`.
        on_retry: As of `retrying`.
        is_news: Asked of every bit of the answer, of all tries; bits that are not are left out.

    Raises:
        DeadlineExceededError: It took longer.
        VigilError: As `retrying`.
    """
    tries = _Tries(what, policy)
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = call()
        try:
            async with aclosing(_until(deadline, seconds, what, answer)) as items:
                async for item in items:
                    if is_news is None:
                        tries.left = 0
                        yield item
                    elif is_news(item):
                        yield item
        except VigilError:
            raise
        except Exception as error:  # noqa: BLE001 - it is translated, and raised
            await tries.after(error)
            on_retry()
        else:
            return
        finally:
            answer.cancel()


async def _until(
    deadline: float, seconds: float, what: str, answer: Stream[Result]
) -> AsyncGenerator[Result, None]:
    loop = asyncio.get_running_loop()
    while True:
        try:
            async with asyncio.timeout(deadline - loop.time()):
                item = await anext(answer)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise DeadlineExceededError(
                f"{what} did not answer within {seconds:g} seconds."
            ) from None
        yield item


class _Tries:
    """What comes of a call that failed: a pause before it is made again, or the error to tell."""

    def __init__(self, what: str, policy: RetryPolicy) -> None:
        self._what = what
        self._pause = policy.first_pause_seconds
        self.left = policy.max_retries

    async def after(self, error: Exception) -> None:
        """Raises the error to tell; returns where the call may be made again."""
        if not _is_lost(error):
            raise _told(self._what, error) from error
        if not self.left:
            raise ReplicaLostError(f"{self._what} died under the call.") from error
        self.left -= 1
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


def _is_lost(error: Exception) -> bool:
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() in LOST_CODES
    return isinstance(error, LOST)


def _told(what: str, error: Exception) -> VigilError:
    if isinstance(error, BackPressureError):
        return OverloadedError(
            f"{what} has a full queue; try again shortly.", round(error.retry_after_s or 1)
        )
    if isinstance(error, DeploymentUnavailableError):
        return ModelUnavailableError(f"{what} could not be started; the operator's logs say why.")
    return _raised_by_replica(what, error)


def _raised_by_replica(what: str, error: Exception) -> VigilError:
    """Our own error as the replica raised it: calls by value bring it bare, others wrapped."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, VigilError):
        return cause
    return InferenceError(f"{what} failed on this input.")
