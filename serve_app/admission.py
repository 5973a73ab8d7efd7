"""Which requests may come in: as many as can be answered soon, the others are told so at once.

A queue that is longer than what clients wait for turns every answer into a late one. So the
requests under way are counted where they come in, before their bodies are read, and two bounds
hold: a number, and an expected wait. By Little's law a new request waits for about ``under way /
completions per second``; both are known here, whatever the requests are made of.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from deployments.errors import OverloadedError

ALWAYS_ADMITTED = 8
"""Requests under way below which the expected wait refuses nobody: their work overlaps."""

SLOW_UPLOAD_SECONDS = 2.0
"""An upload that takes longer is the client's time: it counts again once its body is there."""

_RECENT = 64
"""Completions from which the rate is taken: two batches, as answers come in bursts."""

_EVIDENCE = 8
"""Completions below which nothing is expected yet."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many requests of one kind may be under way in one process."""

    max_requests: int
    max_wait_seconds: float | None = None
    """None: their durations differ too much for an expectation."""


class Ticket:
    """One admitted request. Made by `Lane.enter`."""

    __slots__ = ("counted", "over", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.counted = True
        self.over = False


class Lane:
    """The requests of one kind. Used from one event loop.

    Args:
        limits: Its bounds.
        clock: Seconds, monotonic.
    """

    def __init__(self, limits: LaneLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._uploading: OrderedDict[Ticket, None] = OrderedDict()
        self._completed: deque[float] = deque(maxlen=_RECENT)
        self._rate: float | None = None
        """Completions per second when many were last under way for some time."""
        self.under_way = 0
        """Requests that count: all but slow uploads."""

    def enter(self) -> Ticket:
        """Let a request in.

        Raises:
            OverloadedError: It would wait for too long.
        """
        now = self._clock()
        self._leave_out_slow_uploads(now)
        if self.under_way >= self._limits.max_requests:
            raise overloaded(1)
        longest = self._limits.max_wait_seconds
        if longest is not None:
            wait = self._expected_wait_seconds(now)
            if wait is not None and wait > longest:
                raise overloaded(math.ceil(wait - longest))
        if not self.under_way:
            self._completed.clear()  # an idle time says nothing of the rate
        ticket = Ticket(now)
        self.under_way += 1
        self._uploading[ticket] = None
        return ticket

    def uploaded(self, ticket: Ticket) -> None:
        """A request's body is complete. Nothing, where it has its answer already."""
        if ticket.over:
            return
        self._uploading.pop(ticket, None)
        if not ticket.counted:
            ticket.counted = True
            self.under_way += 1

    def leave(self, ticket: Ticket) -> None:
        """A request is over, however it ended. May be said again."""
        if ticket.over:
            return
        ticket.over = True
        self._uploading.pop(ticket, None)
        if ticket.counted:
            now = self._clock()
            self._completed.append(now)
            if self.under_way >= ALWAYS_ADMITTED:
                self._rate = self._observed_rate(now) or self._rate
            self.under_way -= 1

    def _leave_out_slow_uploads(self, now: float) -> None:
        while self._uploading:
            ticket = next(iter(self._uploading))
            if now - ticket.started < SLOW_UPLOAD_SECONDS:
                return
            del self._uploading[ticket]
            ticket.counted = False
            self.under_way -= 1

    def _expected_wait_seconds(self, now: float) -> float | None:
        """None where nothing is known of the rate.

        In a sudden rush the rate of the last one holds until this one's is known: before a slow
        model has answered its first requests, all places would be taken.
        """
        if self.under_way < ALWAYS_ADMITTED:
            return None
        rate = self._observed_rate(now) or self._rate
        return None if rate is None else (self.under_way + 1) / rate

    def _observed_rate(self, now: float) -> float | None:
        """None before completions were seen for long enough, as of a pause among the first ones."""
        if self._limits.max_wait_seconds is None or len(self._completed) < _EVIDENCE:
            return None
        # Up to now, not up to the last one: a stall counts.
        seconds = now - self._completed[0]
        if seconds < self._limits.max_wait_seconds / 2:
            return None
        return (len(self._completed) - 1) / seconds


def overloaded(retry_after_seconds: int) -> OverloadedError:
    """What is said to a request that is not let in.

    Args:
        retry_after_seconds: When to come again.
    """
    return OverloadedError(
        "The service has as much work as it can answer soon; try again in a moment.",
        retry_after_seconds,
    )
