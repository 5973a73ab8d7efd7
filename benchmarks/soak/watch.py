"""What every process of the service holds, sampled from ``/proc`` while the load runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ProcessFamily

_TITLE_CHARACTERS = 44


@dataclass(frozen=True, slots=True)
class Holding:
    """What one process, or all together, held at one moment."""

    memory_bytes: int
    """Anonymous resident memory (proc(5), RssAnon): what it allocated, without files, code and
    Ray's object store, whose pages only look like growth when they are touched first."""
    files: int
    threads: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """By how much a process may grow between the first and the last quarter of the soak."""

    memory_bytes: int = 64 * 2**20
    memory_share: float = 0.15
    """Of what it held before; the larger of the two counts."""
    files: int = 24
    threads: int = 12
    processes: int = 4
    """More of them than before."""


@dataclass(frozen=True, slots=True)
class Growth:
    """One process that ran all the time."""

    title: str
    before: Holding
    """Medians of the first quarter."""
    after: Holding
    """Medians of the last quarter."""

    def beyond(self, bounds: Bounds) -> list[str]:
        """What grew too much, in words."""
        memory = max(bounds.memory_bytes, bounds.memory_share * self.before.memory_bytes)
        grown = (
            ("memory", self.after.memory_bytes - self.before.memory_bytes > memory),
            ("files", self.after.files - self.before.files > bounds.files),
            ("threads", self.after.threads - self.before.threads > bounds.threads),
        )
        return [f"{what} of {self.title}" for what, is_beyond in grown if is_beyond]


class Watch:
    """Samples a family of processes.

    Args:
        family: The service's.
    """

    def __init__(self, family: ProcessFamily) -> None:
        self._family = family
        self._samples: list[dict[int, Holding]] = []
        self._titles: dict[int, str] = {}

    def sample(self) -> None:
        """Look at every process once."""
        self._family.refresh()
        found: dict[int, Holding] = {}
        for pid, title in self._family.command_lines().items():
            holding = _holding(pid)
            if holding is not None:
                found[pid] = holding
                self._titles[pid] = title
        self._samples.append(found)

    def run(self, seconds: float, interval_seconds: float) -> None:
        """Sample for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sample()
            time.sleep(min(interval_seconds, left))

    def growth(self) -> list[Growth]:
        """Of every process that was there from the first quarter to the end.

        Raises:
            ValueError: Too few samples.
        """
        quarter = len(self._samples) // 4
        if quarter < 1:
            raise ValueError("a soak needs four samples at least")
        first, last = self._samples[:quarter], self._samples[-quarter:]
        always = set.intersection(*(set(sample) for sample in (*first, *last)))
        return [
            Growth(_short(self._titles[pid], pid), _median(first, pid), _median(last, pid))
            for pid in sorted(always)
        ]

    def process_counts(self) -> tuple[int, int]:
        """Processes in the first and in the last quarter: medians."""
        quarter = max(1, len(self._samples) // 4)
        return (
            int(statistics.median(map(len, self._samples[:quarter]))),
            int(statistics.median(map(len, self._samples[-quarter:]))),
        )


def _holding(pid: int) -> Holding | None:
    """None where the process is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        status = dict(_fields((folder / "status").read_text()))
        files = sum(1 for _ in (folder / "fd").iterdir())
    except OSError:
        return None
    if "RssAnon" not in status:  # a zombie
        return None
    return Holding(int(status["RssAnon"].split()[0]) * 1024, files, int(status["Threads"]))


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        yield name, value.strip()


def _median(samples: Sequence[dict[int, Holding]], pid: int) -> Holding:
    holdings = [sample[pid] for sample in samples]
    return Holding(
        int(statistics.median(holding.memory_bytes for holding in holdings)),
        int(statistics.median(holding.files for holding in holdings)),
        int(statistics.median(holding.threads for holding in holdings)),
    )


def _short(title: str, pid: int) -> str:
    """A command line as one can read it: without folders and options."""
    words = [word.rpartition("/")[2] for word in title.split() if not word.startswith("-")]
    return f"{' '.join(words)[:_TITLE_CHARACTERS]} ({pid})"
