"""How many replicas answer, as far as one caller can tell: Serve's handles do not say."""

from __future__ import annotations

import time
from collections.abc import Callable

REMEMBERED_SECONDS = 30.0
"""A replica that answers nothing for so long is gone, or not needed."""


class ReplicasSeen:
    """The replicas whose answers came of late.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}

    def saw(self, replica: str) -> None:
        """A replica has answered."""
        self._seen[replica] = self._clock()

    def count(self) -> int:
        """At least 1."""
        now = self._clock()
        for replica in [r for r, at in self._seen.items() if now - at > REMEMBERED_SECONDS]:
            del self._seen[replica]
        return max(1, len(self._seen))
