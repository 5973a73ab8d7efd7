"""Each API key's share of one ingress replica: requests in a minute, and requests under way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from deployments.errors import TooManyRequestsError
from serve_app.config_access import AccessConfig, ApiKey

_MINUTE = 60.0


class Share:
    """One key's share.

    The rate is a bucket of a minute's requests that fills evenly, kept as the one moment at which
    it will be full (GCRA, the generic cell rate algorithm of ITU-T I.371): nothing is stored for a
    request, and nothing has to be cleaned up. Used from one event loop.

    Args:
        requests_per_minute: None: no bound.
        max_concurrent: None: no bound.
        now: Monotonic clock, in seconds.
    """

    def __init__(
        self,
        requests_per_minute: float | None,
        max_concurrent: int | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = _MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._max_concurrent = max_concurrent
        self._now = now
        self._full_at = -math.inf
        self._under_way = 0

    def enter(self) -> None:
        """Begin a request; `leave` ends it.

        Raises:
            TooManyRequestsError: The share is used up; nothing was begun.
        """
        if self._max_concurrent is not None and self._under_way >= self._max_concurrent:
            raise TooManyRequestsError(
                f"This API key has {self._under_way} requests under way, as many as it may; "
                "wait for one of them.",
                retry_after_seconds=1,
            )
        if self._interval:
            now = self._now()
            full_at = max(self._full_at, now) + self._interval
            # A bucket holds one request at least, however slowly it fills.
            wait = full_at - now - max(_MINUTE, self._interval)
            if wait > 1e-9:
                raise TooManyRequestsError(
                    f"This API key has used up its {_MINUTE / self._interval:g} requests per "
                    "minute.",
                    retry_after_seconds=math.ceil(wait),
                )
            self._full_at = full_at
        self._under_way += 1

    def leave(self) -> None:
        """End a request that `enter` let in."""
        self._under_way -= 1


class KeyLimits:
    """The shares of all keys.

    Args:
        access: What every key may, where its own entry says nothing else.
    """

    def __init__(self, access: AccessConfig) -> None:
        self._access = access
        self._shares: dict[str, Share] = {}

    def of(self, key: ApiKey) -> Share:
        """A key's share, the same one every time."""
        share = self._shares.get(key.sha256)
        if share is None:
            share = self._shares[key.sha256] = Share(
                key.requests_per_minute or self._access.requests_per_minute,
                key.max_concurrent_requests or self._access.max_concurrent_requests,
            )
        return share
