from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serve_app.launcher.processes import Process
from tests.unit.launcher.conditions import eventually

RUN = """
import sys
from serve_app.launcher.supervisor import Supervisor
sys.exit(Supervisor([sys.executable, "-c", sys.argv[1]], drain_seconds=5).run())
"""
WRITE_PIDS = """
import os, signal, subprocess, sys, time
from pathlib import Path
def orphan(code):
    # Its parent ends at once, and its session is its own, as Ray's are.
    start = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {code!r}], " \
            "start_new_session=True, stdout=subprocess.DEVNULL).pid)"
    return subprocess.check_output([sys.executable, "-c", start], text=True).strip()
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " \
           "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); signal.pause()"
def write(*pids):
    temporary = Path(FILE + ".new")
    temporary.write_text(" ".join(map(str, pids)))
    temporary.rename(FILE)
"""

Start = Callable[..., "tuple[subprocess.Popen[str], list[Process]]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a supervisor over a Python program that writes the pids which it starts."""
    started: list[subprocess.Popen[str]] = []
    known: list[Process] = []

    def go(code: str, **options: object) -> tuple[subprocess.Popen[str], list[Process]]:
        pid_file = tmp_path / "pids"
        program = f"FILE = {str(pid_file)!r}\n{WRITE_PIDS}\n{code}"
        supervisor = subprocess.Popen(
            [sys.executable, "-c", RUN, program], text=True, stderr=subprocess.PIPE, **options
        )
        started.append(supervisor)
        assert eventually(pid_file.exists)
        processes = [process_of(int(pid)) for pid in pid_file.read_text().split()]
        known.extend(processes)
        return supervisor, processes

    yield go
    for supervisor in started:
        supervisor.kill()
        supervisor.communicate()
    for process in known:
        process.send(signal.SIGKILL)


def process_of(pid: int) -> Process:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Process(pid, int(fields[19]))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_everything_and_is_a_success(start: Start, number: int) -> None:
    supervisor, processes = start("write(os.getpid()); signal.pause()")
    supervisor.send_signal(number)
    assert supervisor.wait(20) == 0
    assert not any(process.is_alive() for process in processes)


def test_orphans_in_sessions_of_their_own_that_ignore_sigterm_are_ended_too(start: Start) -> None:
    supervisor, processes = start("write(os.getpid(), orphan(STUBBORN)); signal.pause()")
    supervisor.terminate()
    assert supervisor.wait(30) == 0
    assert len(processes) == 2
    assert not any(process.is_alive() for process in processes)


def test_what_the_command_leaves_when_it_fails_is_ended_and_its_status_passed_on(
    start: Start,
) -> None:
    supervisor, [orphan] = start("write(orphan('import signal; signal.pause()')); sys.exit(3)")
    assert supervisor.wait(20) == 3
    assert not orphan.is_alive()


def test_a_service_that_ends_by_itself_is_a_failure_even_with_status_0(start: Start) -> None:
    supervisor, _ = start("write(); sys.exit(0)")
    assert supervisor.wait(20) == 1


def test_the_command_ends_when_the_supervisor_is_killed(start: Start) -> None:
    supervisor, [command] = start("write(os.getpid()); signal.pause()")
    supervisor.kill()
    supervisor.wait(20)
    assert eventually(lambda: not command.is_alive())


def test_the_command_heeds_sigint_although_the_shell_ignored_it_for_the_supervisor(
    start: Start,
) -> None:
    code = (
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler; write(os.getpid())"
    )
    supervisor, [command] = start(
        f"{code}; signal.pause()",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    command.send(signal.SIGINT)
    assert supervisor.wait(20) != 0
    assert not command.is_alive()


def test_zombies_of_orphans_are_collected_while_the_service_runs(start: Start) -> None:
    supervisor, [_, orphan] = start(
        "write(os.getpid(), orphan('import signal; signal.pause()')); signal.pause()"
    )
    orphan.send(signal.SIGTERM)
    assert eventually(lambda: not Path(f"/proc/{orphan.pid}").exists())
    assert supervisor.poll() is None
