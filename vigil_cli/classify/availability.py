"""Waits while the service is away: restarted, overloaded, or just starting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vigil_client import AnswerError, AsyncClient, VigilError
from vigil_client.retries import is_passing

_POLL_SECONDS = 1.0
_PROXY_STATUSES = frozenset({404, 500, 502, 503, 504})
"""Of answers that are not Vigil's: a proxy's, or a Serve's whose application is not up yet."""

_Result = TypeVar("_Result")


class ServiceGoneError(Exception):
    """The service stayed away for longer than it is waited for.

    Args:
        seconds: How long that was.
        cause: What the last request met.
    """

    def __init__(self, seconds: float, cause: VigilError) -> None:
        super().__init__(f"The service was waited for in vain, for {seconds:g} seconds: {cause}")


class Availability:
    """Sends requests, and sends them again while it is the service that fails and not they.

    Args:
        client: Without retries of its own.
        wait_seconds: How long one request may fail before the run is given up.
        on_change: Told True when a request begins to wait, and False when none does any more.
    """

    def __init__(
        self, client: AsyncClient, wait_seconds: float, on_change: Callable[[bool], None]
    ) -> None:
        self._client = client
        self._wait_seconds = wait_seconds
        self._on_change = on_change
        self._waiting = 0

    async def call(self, send: Callable[[], Awaitable[_Result]]) -> _Result:
        """The answer to a request.

        Args:
            send: Sends it; called again after each wait.

        Raises:
            ServiceGoneError: It was sent for ``wait_seconds`` in vain.
            VigilError, OSError: What will not pass by waiting.
        """
        try:
            return await send()
        except VigilError as error:
            if not _may_pass(error):
                raise
            failure = error
        self._wait(+1)
        try:
            return await self._again(send, failure)
        finally:
            self._wait(-1)

    async def _again(self, send: Callable[[], Awaitable[_Result]], failure: VigilError) -> _Result:
        deadline = time.monotonic() + self._wait_seconds
        while True:
            asked = failure.retry_after_seconds if isinstance(failure, AnswerError) else None
            await asyncio.sleep(_POLL_SECONDS if asked is None else asked)
            while not await self._client.is_ready():
                if time.monotonic() > deadline:
                    raise ServiceGoneError(self._wait_seconds, failure)
                await asyncio.sleep(_POLL_SECONDS)
            try:
                return await send()
            except VigilError as error:
                if not _may_pass(error):
                    raise
                failure = error
            if time.monotonic() > deadline:
                raise ServiceGoneError(self._wait_seconds, failure)

    def _wait(self, change: int) -> None:
        before, self._waiting = self._waiting, self._waiting + change
        if bool(before) != bool(self._waiting):
            self._on_change(bool(self._waiting))


def _may_pass(error: VigilError) -> bool:
    if isinstance(error, AnswerError) and not error.code:
        return error.status in _PROXY_STATUSES
    return is_passing(error)
