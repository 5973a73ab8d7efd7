"""Clients that leave the cores to the service, as if they ran elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

_NICENESS = 19
"""Ray's workers run at 15; clients at 0 would take the cores from them whenever they want."""


def yielding(clients: Coroutine[object, object, Result]) -> Result:
    """Run clients in a thread of low priority; what this thread starts later has its own still."""
    with ThreadPoolExecutor(1, initializer=_yield) as pool:
        return pool.submit(asyncio.run, clients).result()


def _yield() -> None:
    if sys.platform == "linux":  # elsewhere priorities are whole processes'
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
