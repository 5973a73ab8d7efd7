"""Runs one command until it ends or a signal comes, drains it, and ends all that it started."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from serve_app.launcher import processes
from serve_app.launcher.draining import Drain

logger = logging.getLogger(__name__)

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_POLL_SECONDS = 0.1


def hold_signals() -> None:
    """Keeps signals pending from now on, until `Supervisor.run` looks at them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS | {signal.SIGCHLD})


class Supervisor:
    """Owner of the service's process tree.

    Signals are blocked and waited for, never handled in between: so each step below ends before the
    next one begins, and a signal during one is not lost.

    Args:
        command: What to run.
        drain_seconds: How long accepted requests may take to finish once a stop was asked for.
        on_start: Called once the command runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        drain_seconds: float,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._command = list(command)
        self._drain_seconds = drain_seconds
        self._on_start = on_start

    def run(self) -> int:
        """Runs the command; returns when nothing of it is left.

        Returns:
            Exit status: 0 after a stop that a signal asked for, else the command's own (1 where
            that is 0: a service does not end by itself).
        """
        hold_signals()
        processes.become_reaper()
        launcher_pid = os.getpid()

        def prepare_child() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            # A shell starts background jobs with SIGINT ignored, and Ray would inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            processes.end_with_parent(launcher_pid, signal.SIGTERM)

        # Its own session: a terminal's Ctrl-C must reach the launcher alone, so that it can drain.
        # preexec_fn is safe here: this process has one thread.
        child = subprocess.Popen(  # noqa: S603 - the command comes from this program
            self._command, start_new_session=True, preexec_fn=prepare_child
        )
        try:
            self._on_start()
            asked_to_stop = self._wait(child, until=None)
            if asked_to_stop:
                self._drain(child)
        finally:
            self._stop(child)
        if asked_to_stop:
            return 0
        logger.error("The service ended by itself with status %s", child.returncode)
        return child.returncode if child.returncode > 0 else 1

    def _wait(self, child: subprocess.Popen[bytes], until: float | None) -> bool:
        """Waits for the child's end, a stop signal, or a point in monotonic time.

        Returns:
            Whether a stop signal came.
        """
        while child.poll() is None:
            if until is None:
                number = signal.sigwaitinfo(_STOP_SIGNALS | {signal.SIGCHLD}).si_signo
            else:
                info = signal.sigtimedwait(
                    _STOP_SIGNALS | {signal.SIGCHLD}, max(0.0, until - time.monotonic())
                )
                if info is None:
                    return False
                number = info.si_signo
            if number in _STOP_SIGNALS:
                return True
            processes.reap_orphans(except_pid=child.pid)
        return False

    def _drain(self, child: subprocess.Popen[bytes]) -> None:
        logger.info("Stopping: accepted requests may finish, new ones are turned away")
        drain = Drain(processes.descendants)
        deadline = time.monotonic() + self._drain_seconds
        if self._wait_until(drain.may_begin, child, deadline):
            drain.begin()
            self._wait_until(drain.is_finished, child, deadline)

    def _wait_until(
        self, condition: Callable[[], bool], child: subprocess.Popen[bytes], deadline: float
    ) -> bool:
        """Whether the condition came true, before the child's end, the deadline or a signal."""
        while child.poll() is None:
            if condition():
                return True
            if time.monotonic() >= deadline:
                logger.warning("Requests ran longer than %g s and are cut off", self._drain_seconds)
                return False
            if self._wait(child, until=min(deadline, time.monotonic() + _POLL_SECONDS)):
                logger.warning("Asked to stop again: requests that still run are cut off")
                return False
        return False

    def _stop(self, child: subprocess.Popen[bytes]) -> None:
        # After the drain nothing runs that could be lost. Serve's own graceful shutdown (SIGINT)
        # would hold the replicas for 30 s (RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S), and on
        # SIGTERM Ray's driver prints a stack trace: so it is killed, and what it leaves is ended.
        child.kill()
        child.wait()
        while remaining := processes.descendants():
            stuck = processes.end(remaining)
            if stuck:
                logger.error("Processes that do not end: %s", [process.pid for process in stuck])
                break
        processes.reap_orphans()
