from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from serve_app.launcher import processes
from serve_app.launcher.processes import SUPERVISOR_VARIABLE, Process
from serve_app.launcher.runtime_folder import runtime_folder
from tests.unit.launcher.conditions import eventually

WAIT = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def start() -> Iterator[Callable[[str | None], Process]]:
    """Starts a process that carries a supervisor's tag."""
    started: list[subprocess.Popen[bytes]] = []

    def go(tag: str | None) -> Process:
        environment = {**os.environ, **({SUPERVISOR_VARIABLE: tag} if tag else {})}
        child = subprocess.Popen(WAIT, env=environment)
        started.append(child)
        return next(p for p in processes.descendants() if p.pid == child.pid)

    yield go
    for child in started:
        child.kill()
        child.wait()


@pytest.fixture
def dead_tag() -> str:
    """Tag of a supervisor that has ended: this process's number, started at another time."""
    namespace, pid, _ = processes.supervisor_tag().split("/")
    return f"{namespace}/{pid}/1"


def test_leftovers_are_the_children_of_supervisors_that_are_gone(
    start: Callable[[str | None], Process], dead_tag: str
) -> None:
    left, served, foreign = start(dead_tag), start(processes.supervisor_tag()), start(None)
    # The child's environment is its own once the program runs.
    assert eventually(lambda: left in processes.leftovers())
    assert served not in processes.leftovers()
    assert foreign not in processes.leftovers()


@pytest.mark.parametrize("tag", ["pid:[1]/1/1", "", "x", "a/b/c"])
def test_a_supervisor_that_cannot_be_judged_from_here_is_not_called_gone(tag: str) -> None:
    assert not processes.is_supervisor_gone(tag)


def test_a_process_with_a_reused_number_is_another_process() -> None:
    me = processes.current()
    assert me.is_alive()
    assert not Process(me.pid, me.start_ticks - 1).is_alive()


def test_a_signal_does_not_reach_a_process_that_only_has_the_number(
    start: Callable[[str | None], Process],
) -> None:
    process = start(None)
    Process(process.pid, process.start_ticks - 1).send(signal.SIGKILL)
    assert process.is_alive()


def test_folders_of_killed_launchers_are_removed_and_others_kept(dead_tag: str) -> None:
    with runtime_folder() as own:
        abandoned = own.path.with_name("vigil-test-abandoned")
        abandoned.mkdir()
        (abandoned / "launcher").write_text(dead_tag)
        with runtime_folder() as other:
            assert other.path != own.path
            assert own.path.is_dir()
        assert not abandoned.exists()
        assert own.path.stat().st_mode & 0o077 == 0
    assert not own.path.exists()


def test_the_folder_of_a_service_that_failed_stays_for_its_logs() -> None:
    with runtime_folder() as failed:
        (failed.path / "log").write_text("why")
        failed.keep()
    with runtime_folder():
        assert [path.name for path in failed.path.iterdir()] == ["log"]
    shutil.rmtree(failed.path)


def test_unix_sockets_fit_into_the_runtime_folder() -> None:
    # Serve adds the node's id (56 digits), HAProxy its pid and ".tmp" while it binds.
    session = "ray/session_2026-12-31_23-59-59_999999_4194304"
    with runtime_folder() as folder:
        longest = folder.path / ("0" * 56) / "metrics.sock.4194304.tmp"
        rays_longest = folder.path / session / "sockets" / "plasma_store"
    assert len(str(longest)) <= 107
    assert len(str(rays_longest)) <= 107


def test_descendants_are_found_below_children() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert eventually(
            lambda: sum("input()" in p.arguments() for p in processes.descendants()) == 1
        )
        child.stdin.close()
        assert child.wait(20) == 0
