"""CPU time and peak memory of a server while something happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from benchmarks.processes import ProcessFamily

Memory = Literal["resident", "proportional"]

_PERIOD_SECONDS: dict[Memory, float] = {"resident": 0.2, "proportional": 0.4}


@dataclass(slots=True)
class Usage:
    """Of all processes of a server; complete once its context has ended."""

    cpu_seconds: float = 0.0
    idle_bytes: int = 0
    peak_bytes: int = 0

    @property
    def growth_bytes(self) -> int:
        """The peak beyond what was used before."""
        return self.peak_bytes - self.idle_bytes


@contextmanager
def usage_of(family: ProcessFamily, memory: Memory = "resident") -> Iterator[Usage]:
    """Watch a server.

    Args:
        family: Its processes.
        memory: ``resident`` counts shared pages in each process and is cheap to read;
            ``proportional`` counts them once, and takes some milliseconds of CPU a process.
    """

    def now() -> int:
        return family.rss_bytes() if memory == "resident" else family.pss_bytes()

    def watch() -> None:
        while not stopped.wait(_PERIOD_SECONDS[memory]):
            usage.peak_bytes = max(usage.peak_bytes, now())

    stopped = threading.Event()
    family.refresh()
    usage = Usage(idle_bytes=now())
    cpu = family.cpu_seconds()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield usage
    finally:
        stopped.set()
        watcher.join()
        family.refresh()
        usage.peak_bytes = max(usage.peak_bytes, now())
        usage.cpu_seconds = family.cpu_seconds() - cpu
