"""Freed memory: kept for the next picture, returned after a large upload."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's")

_PIECES = """
import sys
from deployments.process_memory import return_freed_memory

def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

pieces = [bytearray(60_000) for _ in range(1600)]
above = bytearray(60_000)  # keeps the heap's end where it is
del pieces
before = resident()
return_freed_memory(int(sys.argv[1]))
print(before - resident())
"""

_PIECES_OF_A_THREAD = """
from threading import Thread
from deployments.process_memory import keep_freed_memory, return_own_memory

def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def receive() -> None:
    pieces = [bytearray(60_000) for _ in range(900)]
    del pieces
    before = resident()
    return_own_memory(54_000_000)
    returned.append(before - resident())

keep_freed_memory()
returned: list[int] = []
for _ in range(2):
    thread = Thread(target=receive)
    thread.start()
    thread.join()
print(min(returned))
"""

_PICTURES = """
import sys
from resource import RUSAGE_SELF, getrusage
from threading import Thread
from deployments.process_memory import keep_freed_memory

if int(sys.argv[1]):
    keep_freed_memory()

def decode() -> None:
    for number in range(6):
        before = getrusage(RUSAGE_SELF).ru_minflt
        picture = bytearray(36_000_000)
        picture[::4096] = bytes(len(picture[::4096]))
        del picture
        faults.append(getrusage(RUSAGE_SELF).ru_minflt - before)

faults: list[int] = []
thread = Thread(target=decode)  # as pictures are decoded
thread.start()
thread.join()
print(sum(faults[1:]))
"""


def _printed(program: str, argument: int = 0) -> int:
    command = [sys.executable, "-c", program, str(argument)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_many_pieces_that_were_freed_go_back() -> None:
    assert _printed(_PIECES, 96_000_000) > 64_000_000


def test_little_is_not_worth_the_time() -> None:
    assert _printed(_PIECES, 1_000_000) < 8_000_000


def test_what_a_thread_received_goes_back_from_its_heaps_end_and_does_so_again() -> None:
    assert _printed(_PIECES_OF_A_THREAD) > 40_000_000


def test_a_pictures_memory_is_there_for_the_next() -> None:
    assert _printed(_PICTURES, 0) > 100
    assert _printed(_PICTURES, 1) < 50
