"""CPU time and memory of everything that one command started, read from ``/proc`` (Linux).

Ray starts dozens of processes; some lose their parent, some overwrite their environment. So a
process belongs to a command when it descends from it, carries its mark in the environment, or was
seen to belong before.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "VIGIL_BENCHMARK_MARK"
"""Environment variable whose value is different for every command started."""

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class _Stat:
    """The fields of ``/proc/PID/stat`` that are used; proc_pid_stat(5)."""

    state: str
    parent: int
    ticks: int
    """Its own CPU time. That of its children that ended is left out: a parent that ignores their
    end, as Ray's raylet does, is not credited with it."""
    started: int
    """Clock ticks since boot; tells a process from a later one with the same number."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread of a process."""

    id: int
    name: str
    """At most 15 characters."""
    cpu_seconds: float


class ProcessFamily:
    """The processes of one command.

    Args:
        root: Process id of the command.
        mark: Value of `MARK` in its environment.
    """

    def __init__(self, root: int, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self._members: dict[int, int] = {}
        self._ticks: dict[tuple[int, int], int] = {}
        if stat := _stat(root):
            self._members[root] = stat.started

    def __len__(self) -> int:
        return len(self._members)

    def refresh(self) -> None:
        """Look for new members. Reads every process of the machine: some milliseconds."""
        stats = {pid: stat for pid in _pids() if (stat := _stat(pid))}
        members = {
            pid: started
            for pid, started in self._members.items()
            if pid in stats and stats[pid].started == started
        }
        for pid, stat in stats.items():
            if pid not in members and self._mark in _read(pid, "environ").split(b"\0"):
                members[pid] = stat.started
        grown = True
        while grown:
            children = [
                pid for pid, stat in stats.items() if stat.parent in members and pid not in members
            ]
            grown = bool(children)
            members.update((pid, stats[pid].started) for pid in children)
        self._members = members

    def cpu_seconds(self) -> float:
        """CPU time of all members so far; of those that ended, as it was last read here.

        Differences of two readings are what counts. Cheap.
        """
        for pid, stat in self._living():
            self._ticks[pid, stat.started] = stat.ticks
        return sum(self._ticks.values()) / _TICKS_PER_SECOND

    def threads(self) -> dict[int, list[Thread]]:
        """Every living member's threads."""
        return {pid: list(_threads(pid)) for pid, _ in self._living()}

    def rss_bytes(self) -> int:
        """Summed resident memory; shared pages are counted in every process. Cheap."""
        resident = 0
        for pid in self._members:
            fields = _read(pid, "statm").split()
            resident += int(fields[1]) * _PAGE_BYTES if fields else 0
        return resident

    def pss_bytes(self) -> int:
        """Summed proportional memory: shared pages are counted once. Walks all page tables."""
        proportional = 0
        for pid, _ in self._living():
            for line in _read(pid, "smaps_rollup").splitlines():
                if line.startswith(b"Pss:"):
                    proportional += int(line.split()[1]) * 1024
        return proportional

    def command_lines(self) -> dict[int, str]:
        """What each member calls itself."""
        return {
            pid: _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
            for pid, _ in self._living()
        }

    def kill(self) -> None:
        """End what is left, at once."""
        self.refresh()
        for pid, _ in self._living():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def alive(self) -> bool:
        """Whether any member runs."""
        return any(stat.state != "Z" for _, stat in self._living())

    def _living(self) -> Iterator[tuple[int, _Stat]]:
        for pid, started in self._members.items():
            stat = _stat(pid)
            if stat and stat.started == started:
                yield pid, stat


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _read(pid: int, file: str) -> bytes:
    """Contents of a file of a process; empty where the process is gone or not ours."""
    # By file descriptor, several times as fast as by `Path`: this runs while a server is measured.
    try:
        descriptor = os.open(f"/proc/{pid}/{file}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        chunks = []
        while chunk := os.read(descriptor, 1 << 16):
            chunks.append(chunk)
        return b"".join(chunks)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _threads(pid: int) -> Iterator[Thread]:
    try:
        entries = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for entry in entries:
        content = _read(pid, f"task/{entry.name}/stat")
        if stat := _parsed(content):
            name = content[content.index(b"(") + 1 : content.rindex(b")")]
            yield Thread(int(entry.name), name.decode(), stat.ticks / _TICKS_PER_SECOND)


def _stat(pid: int) -> _Stat | None:
    return _parsed(_read(pid, "stat"))


def _parsed(content: bytes) -> _Stat | None:
    if not content:
        return None
    # The name stands in brackets and may hold anything, brackets too.
    fields = content[content.rindex(b")") + 2 :].split()
    return _Stat(
        state=fields[0].decode(),
        parent=int(fields[1]),
        ticks=int(fields[11]) + int(fields[12]),
        started=int(fields[19]),
    )
