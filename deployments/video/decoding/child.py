"""Starting a decoder's child process, with nothing in it that an upload could take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

WORKER = "deployments.video.decoding.worker"
_ROOT = str(Path(__file__).parents[3])
"""Where the packages lie, which need not be installed."""
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # Without these glibc gives the memory of every RGB picture back and faults it in anew for the
    # next one, which halves the speed of the conversion. 32 MiB is the highest threshold it takes.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
    "MALLOC_ARENA_MAX": "2",
}
"""All that the process gets of an environment: no token, no key."""


def start(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a process, and connect with it.

    Args:
        module: What it runs, `WORKER` or one that misbehaves.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        paths = os.pathsep.join([_ROOT, *filter(None, sys.path)])
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**_ENVIRONMENT, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return process, ours
