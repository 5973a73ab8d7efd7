"""Which failures are worth another try, and when.

Classifying changes nothing, so a request may always be sent again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from vigil_client.errors import AnswerError, ConnectionFailedError, TimedOutError, VigilError

_RETRIED_STATUSES = frozenset({429, 502, 503})


@dataclass(frozen=True, slots=True)
class Retry:
    """Told before each wait."""

    error: VigilError
    attempt: int
    """How many tries have failed so far."""
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and for how long, a request is tried again.

    After a status of 429, 502 or 503 and where there was no answer; not after a time-out, because
    the same work would run into it again. The wait is what the service asks for in
    ``Retry-After``, and else grows by doubling, with jitter so that clients that failed together do
    not return together.
    """

    attempts: int | None = 4
    """Tries in all; None: any number."""
    max_seconds: float = 60.0
    """No try begins later than this after the first one began."""
    first_wait_seconds: float = 0.5
    max_wait_seconds: float = 15.0
    """Of waits that the service did not ask for."""
    on_retry: Callable[[Retry], None] | None = None

    def start(self) -> Attempts:
        """The state of one request."""
        return Attempts(self)

    @classmethod
    def none(cls) -> Retries:
        """Every failure is final."""
        return cls(attempts=1)


class Attempts:
    """Counts the tries of one request.

    Args:
        policy: How many there may be.
    """

    def __init__(self, policy: Retries) -> None:
        self._policy = policy
        self._failed = 0
        self._deadline = time.monotonic() + policy.max_seconds

    def wait_after(self, error: VigilError) -> float:
        """Seconds to wait before the next try.

        Raises:
            VigilError: ``error`` itself, where there is to be no other try.
        """
        self._failed += 1
        policy = self._policy
        if not is_passing(error) or self._failed == policy.attempts:
            raise error
        asked = error.retry_after_seconds if isinstance(error, AnswerError) else None
        doubled: float = policy.first_wait_seconds * 2 ** min(self._failed - 1, 30)
        wait = min(doubled, policy.max_wait_seconds)
        wait = wait * random.uniform(0.5, 1.0) if asked is None else asked  # noqa: S311 - jitter
        if time.monotonic() + wait > self._deadline:
            raise error
        if policy.on_retry is not None:
            policy.on_retry(Retry(error, self._failed, wait))
        return wait


def is_passing(error: VigilError) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, AnswerError):
        return error.status in _RETRIED_STATUSES
    return isinstance(error, ConnectionFailedError) and not isinstance(error, TimedOutError)


def retry_after_seconds(value: str | None) -> float | None:
    """The header ``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    try:
        if value.isascii() and value.isdigit():
            return float(value)
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
