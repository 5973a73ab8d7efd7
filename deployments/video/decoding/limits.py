"""What a decoder's process may use. The kernel and its parent see to it."""

from __future__ import annotations

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """For one video in one decoder process."""

    memory_bytes: int = 2 * 2**30
    """Address space, beyond that of the idle process and the file: enough for 17 reference frames
    at 8K."""
    cpu_seconds: float = 3600.0
    """Processor time for all of it."""
    busy_seconds: float = 30.0
    """Processor time without a sign of life. One is given with every frame that is wanted, and from
    time to time between frames that are not; a frame of 100 megapixels takes some 2 s."""
    opening_bytes_per_second: float = 2 * 2**20
    """While the file is opened and scanned there is none: so many bytes of it allow a second more.
    A million packets, in 9 MB at the least, take some 10 s."""
    stall_seconds: float = 20.0
    """Wall-clock time without a sign of life and without any work."""

    def opening_seconds(self, size: int) -> float:
        """Processor time for opening a file of ``size`` bytes."""
        return self.busy_seconds + size / self.opening_bytes_per_second


def restrict(limits: DecoderLimits) -> None:
    """Bind this process, which has everything open that it needs."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + limits.memory_bytes
    _limit(resource.RLIMIT_AS, memory)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime + limits.cpu_seconds
    _limit(resource.RLIMIT_CPU, math.ceil(seconds))


def relax() -> None:
    """Lift what `restrict` set."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):
        _limit(kind, resource.getrlimit(kind)[1])


def dump_no_core() -> None:
    """A core file would hold the upload."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def no_files() -> Iterator[None]:
    """Nothing can be opened meanwhile, whatever a file refers to or a decoder is made to do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def some_files() -> Iterator[None]:
    """Lifts `no_files` for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard):
        value = hard
    resource.setrlimit(kind, (value, hard))
