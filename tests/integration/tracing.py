"""What processes open while they run, as the kernel sees it (``strace``)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_CALLS = (
    "open,openat,openat2,creat,open_by_handle_at,socket,connect,bind,execve,execveat,"
    "clone,clone3,fork,vfork,sendto"
)
"""What opens, what starts processes and threads, and what a decoder says that it is ready with."""
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<arguments>.*)$")
_RESULT = re.compile(r"\) += (?P<result>\d+)$")
_UNFINISHED = re.compile(r"^(?P<thread>\d+) +(?P<begun>\w+\(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")
_STARTS = frozenset({"clone", "clone3", "fork", "vfork"})
_OPENS = frozenset(_CALLS.split(",")) - _STARTS - {"sendto"}
_DECODER = "deployments.video.decoding.worker"
_READY = '[\\"ready\\"'


@dataclass
class Trace:
    """Of some processes and all that they start.

    Args:
        log: What ``strace`` wrote.
        decoders: Threads of the decoders that ran when it began, with their processes.
    """

    log: Path
    decoders: Mapping[int, int]
    opened: dict[int, list[str]] = field(default_factory=dict)
    """By decoder process: what it opened, or tried to, since it was ready."""

    def read(self) -> None:
        """Take in the log, once the tracing is over."""
        process_of = dict(self.decoders)
        self.opened = {process: [] for process in process_of.values()}
        is_starting: set[int] = set()
        for line in _whole_lines(self.log.read_text(errors="replace").splitlines()):
            parsed = _LINE.match(line)
            if parsed is None:
                continue
            thread, call, arguments = int(parsed["thread"]), parsed["call"], parsed["arguments"]
            if call == "execve" and _DECODER in arguments:
                process_of[thread] = thread
                self.opened[thread] = []
                is_starting.add(thread)
            elif thread not in process_of:
                continue
            elif call in _STARTS and (result := _RESULT.search(arguments)):
                self._start(process_of, thread, int(result["result"]))
            elif call == "sendto" and _READY in arguments:
                is_starting.discard(process_of[thread])
            elif call in _OPENS and process_of[thread] not in is_starting:
                self.opened[process_of[thread]].append(f"{call}({arguments}")

    @staticmethod
    def _start(process_of: dict[int, int], thread: int, started: int) -> None:
        if thread in process_of:
            process_of[started] = process_of[thread]


def _whole_lines(lines: Iterable[str]) -> Iterator[str]:
    """Calls in one line each: where threads take turns, ``strace`` tells the result later."""
    begun: dict[str, str] = {}
    for line in lines:
        if unfinished := _UNFINISHED.match(line):
            begun[unfinished["thread"]] = unfinished["begun"]
        elif resumed := _RESUMED.match(line):
            thread = resumed["thread"]
            yield f"{thread} {begun.pop(thread, '')}{resumed['rest']}"
        else:
            yield line
    for thread, call in begun.items():
        yield f"{thread} {call}"


def require_strace() -> str:
    """The program; a test that needs it is skipped without it, but not under CI."""
    found = shutil.which("strace")
    if found is None:
        reason = "strace is not installed (scripts/install-debian installs it)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def command(log: Path, *arguments: str) -> list[str]:
    """``strace`` with children and threads, without what strings have inside."""
    return [
        require_strace(), "-f", "-q", "-s", "300", "-e", f"trace={_CALLS}", "-e", "signal=none",
        "-o", str(log), *arguments,
    ]  # fmt: skip


@contextmanager
def traced(parents: Sequence[int], decoders: Sequence[int], log: Path) -> Iterator[Trace]:
    """Trace decoders, and those that their parents start meanwhile.

    Args:
        parents: Processes that start decoders.
        decoders: Those that run already, ready for work.
        log: Where to write.
    """
    processes = [*parents, *decoders]
    threads = {int(t.name): pid for pid in decoders for t in Path(f"/proc/{pid}/task").iterdir()}
    attach = [word for pid in processes for word in ("-p", str(pid))]
    tracer = subprocess.Popen(command(log, *attach), stderr=subprocess.PIPE, text=True)
    trace = Trace(log, threads)
    try:
        while not all(_tracer_of(thread) == tracer.pid for thread in (*parents, *threads)):
            if tracer.poll() is not None:
                assert tracer.stderr is not None
                _refused(tracer.stderr.read())
        yield trace
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=60)
    trace.read()


def _refused(said: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"strace may not attach: {said}")
    pytest.skip(f"strace may not attach: {said}")


def _tracer_of(thread: int) -> int:
    status = Path(f"/proc/{thread}/status").read_text()
    return int(status.partition("TracerPid:")[2].split()[0])
