"""Ends what a network's hosts run and removes the network, once the test's process is gone.

    python -m tests.cluster.reaper <network> <folder>…   waits for the end of its standard input
    python -m tests.cluster.reaper --kill <namespace>    kills the processes of one namespace

A process of its own, so that it works after a test run that was killed, too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def processes(namespace: str) -> list[int]:
    done = subprocess.run(
        ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True
    )
    return [int(pid) for pid in done.stdout.split()]


def kill(namespace: str) -> None:
    """Until none is left: a process may start another one meanwhile."""
    while pids := [pid for pid in processes(namespace) if not _is_zombie(pid)]:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _is_zombie(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def remove(network: str, folders: list[Path]) -> None:
    namespaces = [path.name for path in Path("/run/netns").glob(f"{network}-*")]
    for namespace in namespaces:
        kill(namespace)
    for namespace in namespaces:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    # Ctrl-C in a terminal reaches the whole test run; this has to outlast it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.argv[1] == "--kill":
        kill(sys.argv[2])
    else:
        sys.stdin.read()
        remove(sys.argv[1], [Path(folder) for folder in sys.argv[2:]])
