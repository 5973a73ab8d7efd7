"""Calling a replica: again when it died under the call, and never longer than the deadline.

Ray's exceptions end here; what leaves is a `VigilError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc
from ray.exceptions import RayActorError, RayTaskError, TaskCancelledError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    ReplicaUnavailableError,
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

LOST = (RayActorError, ReplicaUnavailableError, TaskCancelledError, grpc.aio.AioRpcError)
"""What a call ends with when its replica died or went away under it."""

LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is made again. Only for calls that may be made twice."""

    max_retries: int = 8
    first_pause_seconds: float = 0.05
    """Doubles with every retry, up to two seconds: a new replica needs some to start."""


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


async def retrying(what: str, call: Callable[[], Awaitable[Result]], policy: RetryPolicy) -> Result:
    """Make a call, and again on another replica when its own died.

    Args:
        what: Names the callee in messages: ``The model 'x'``.
        call: Makes one remote call; safe to repeat.
        policy: How often.

    Raises:
        ReplicaLostError: Every try's replica died.
        OverloadedError: The callee's queue is full.
        ModelUnavailableError: The callee's deployment failed to start.
        VigilError: What the callee raised; any other exception of its is an `InferenceError`.
    """
    pause = policy.first_pause_seconds
    retries_left = policy.max_retries
    while True:
        try:
            return await call()
        except LOST as error:
            if not retries_left:
                raise ReplicaLostError(f"{what} died under the call.") from error
        except BackPressureError as error:
            raise OverloadedError(
                f"{what} has a full queue; try again shortly.", round(error.retry_after_s or 1)
            ) from error
        except DeploymentUnavailableError as error:
            raise ModelUnavailableError(
                f"{what} could not be started; the operator's logs say why."
            ) from error
        except Exception as error:
            raise _raised_by_replica(what, error) from error
        retries_left -= 1
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _raised_by_replica(what: str, error: Exception) -> VigilError:
    """Our own error as the replica raised it: calls by value bring it bare, others wrapped."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, VigilError):
        return cause
    return InferenceError(f"{what} failed on this input.")
