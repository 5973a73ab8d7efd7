from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.processes import MARK, ProcessFamily

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# A parent that starts a child and dies; the child spins for a while, says so, and waits.
ORPHAN = """
import subprocess, sys
child = "import time; [0 for _ in iter(lambda: time.process_time() < 0.3, False)]; " \\
    "print('spun', flush=True); input()"
process = subprocess.Popen([sys.executable, "-c", child])
if sys.argv[1] == "waits":
    process.wait()
"""


@contextmanager
def started(fate: str, mark: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, fate],
        env={**os.environ, MARK: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "spun\n"
        yield process


def test_the_cpu_time_and_memory_of_children_count() -> None:
    with started("waits", "one") as process:
        family = ProcessFamily(process.pid, "one")
        alone = len(family)
        family.refresh()
        assert (alone, len(family)) == (1, 2)
        assert family.cpu_seconds() >= 0.2
        assert family.rss_bytes() > family.pss_bytes() > 1_000_000
        family.kill()


def test_a_family_that_was_killed_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        family = ProcessFamily(process.pid, "none")
        assert family.alive()
        family.kill()
        process.wait()
        assert not family.alive()


def test_a_child_that_lost_its_parent_is_found_by_its_mark() -> None:
    with started("dies", "two") as process:
        family = ProcessFamily(process.pid, "two")
        process.wait()
        family.refresh()
        assert family.cpu_seconds() >= 0.2
        assert family.alive()
        family.kill()


def test_processes_of_other_commands_are_none_of_its_business() -> None:
    with started("waits", "three") as process:
        family = ProcessFamily(process.pid, "three")
        family.refresh()
        assert os.getpid() not in family.command_lines()
        assert sorted(family.command_lines())[0] == process.pid
        family.kill()


def test_the_cpu_time_of_a_process_that_ended_is_not_lost() -> None:
    with started("waits", "four") as process:
        family = ProcessFamily(process.pid, "four")
        family.refresh()
        before = family.cpu_seconds()
        family.kill()
        process.wait()
        family.refresh()
        assert family.cpu_seconds() >= before >= 0.2
