from __future__ import annotations

import select
import time
from collections.abc import Callable

TIMEOUT_SECONDS = 20.0


def eventually(condition: Callable[[], bool], timeout_seconds: float = TIMEOUT_SECONDS) -> bool:
    """Whether a condition that another process brings about comes true in time."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        select.select([], [], [], 0.02)
    return condition()
