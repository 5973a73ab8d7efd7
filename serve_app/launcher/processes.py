"""Linux processes: who they are, who descends from whom, and how to end exactly those."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SUPERVISOR_VARIABLE = "VIGIL_SUPERVISOR"
"""Environment variable that marks every process below a launcher with that launcher's tag."""

_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_TERM_GRACE_SECONDS = 5.0
_KILL_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told apart from a later one that got the same number."""

    pid: int
    start_ticks: int
    """When it started, in clock ticks since boot; unique together with ``pid``."""

    def is_alive(self) -> bool:
        """Whether it runs still; a zombie does not."""
        status = _read_status(self.pid)
        return status is not None and status.process == self and status.state not in "ZX"

    def send(self, signal_number: int) -> None:
        """Sends a signal to this process and to no other that may have inherited its number."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # The descriptor is bound to whatever has the number now; the start tells who that is.
            if self.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal_number)
        finally:
            os.close(pidfd)

    def age_seconds(self) -> float:
        """For how long it has been running."""
        # proc(5): the start is given in clock ticks since boot, suspended time included.
        started = self.start_ticks / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started

    def executable(self) -> str:
        """File name of the program, or an empty string once it has ended."""
        try:
            return (_PROC / str(self.pid) / "exe").readlink().name
        except OSError:
            return ""

    def arguments(self) -> list[str]:
        """Command line, or an empty list once it has ended."""
        try:
            raw = (_PROC / str(self.pid) / "cmdline").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(part) for part in raw.split(b"\0") if part]


@dataclass(frozen=True, slots=True)
class _Status:
    process: Process
    parent_pid: int
    state: str


def current() -> Process:
    """This process."""
    status = _read_status(os.getpid())
    if status is None:
        raise OSError("/proc does not show this process; the launcher needs /proc")
    return status.process


def descendants() -> list[Process]:
    """All living children of this process, their children, and so on."""
    by_parent: dict[int, list[_Status]] = {}
    for status in _all_statuses():
        by_parent.setdefault(status.parent_pid, []).append(status)
    found: list[Process] = []
    queue = [os.getpid()]
    while queue:
        for status in by_parent.get(queue.pop(), []):
            queue.append(status.process.pid)
            if status.state not in "ZX":
                found.append(status.process)
    return found


def supervisor_tag() -> str:
    """Tag of this process for `SUPERVISOR_VARIABLE`: PID namespace, pid and start time."""
    me = current()
    return f"{_pid_namespace(me.pid)}/{me.pid}/{me.start_ticks}"


def is_supervisor_gone(tag: str) -> bool:
    """Whether the launcher with this tag has ended. False where that cannot be told from here."""
    namespace, _, identity = tag.partition("/")
    pid, _, start_ticks = identity.partition("/")
    if namespace != _pid_namespace(os.getpid()) or not (pid.isdigit() and start_ticks.isdigit()):
        return False
    return not Process(int(pid), int(start_ticks)).is_alive()


def leftovers() -> list[Process]:
    """Processes of this user that a launcher started which itself is gone.

    Reads the mark that every child of a launcher inherits, so that no other Ray on the machine is
    ever taken for ours. A launcher in another container (PID namespace) is not judged from here.
    """
    uid = os.getuid()
    found = []
    for status in _all_statuses():
        tag = _tag_of(status.process.pid, uid)
        if tag is not None and status.state not in "ZX" and is_supervisor_gone(tag):
            found.append(status.process)
    return found


def end(processes: Iterable[Process]) -> list[Process]:
    """Ends processes: SIGTERM, and SIGKILL for those that do not heed it in some seconds.

    Returns:
        Those that are alive even then (in an uninterruptible system call).
    """
    remaining = list(processes)
    for signal_number, grace_seconds in (
        (signal.SIGTERM, _TERM_GRACE_SECONDS),
        (signal.SIGKILL, _KILL_GRACE_SECONDS),
    ):
        for process in remaining:
            process.send(signal_number)
        deadline = time.monotonic() + grace_seconds
        while remaining and time.monotonic() < deadline:
            reap_orphans()
            remaining = [process for process in remaining if process.is_alive()]
            time.sleep(_POLL_SECONDS)
    return remaining


def reap_orphans(except_pid: int | None = None) -> None:
    """Collects the exit status of every ended child but one, so that none stays a zombie.

    Args:
        except_pid: The child whose status somebody else waits for.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == except_pid:
            return
        os.waitpid(ended.si_pid, 0)


def become_reaper() -> None:
    """Makes this process the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(parent_pid: int, signal_number: int) -> None:
    """Asks the kernel for a signal to this process as soon as its parent ends, however it ends.

    Args:
        parent_pid: The parent as it was known before the fork: it may have ended since.
        signal_number: The signal to get.
    """
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal_number)


def _prctl(option: int, argument: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _all_statuses() -> Iterator[_Status]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            status = _read_status(int(entry.name))
            if status is not None:
                yield status


def _read_status(pid: int) -> _Status | None:
    # proc(5): the program's name stands in parentheses and may hold anything, ")" too.
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return _Status(Process(pid, start_ticks=int(fields[19])), int(fields[1]), fields[0])


def _pid_namespace(pid: int) -> str:
    return (_PROC / str(pid) / "ns" / "pid").readlink().name


def _tag_of(pid: int, uid: int) -> str | None:
    folder = _PROC / str(pid)
    try:
        if folder.stat().st_uid != uid:
            return None
        environment = (folder / "environ").read_bytes()
    except OSError:
        return None
    prefix = f"{SUPERVISOR_VARIABLE}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry.removeprefix(prefix))
    return None
