"""What a system that is no server tells of its run, and how such a process measures itself."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

from benchmarks.machine import ROOT

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One video through one system, model loaded and warm."""

    seconds: float
    cpu_seconds: float
    growth_bytes: int
    """Highest resident memory, beyond what the loaded model took."""
    scores: list[float] = field(repr=False)
    """``nsfw`` of every frame, in presentation order."""


Judge: TypeAlias = Callable[[Path, int], Sequence[float]]
"""Scores of the first frames of a file, at most so many."""


def main(load: Callable[[str], Judge]) -> None:
    """Run a system on one file and print its `Run` as JSON.

    Args:
        load: From a checkpoint's directory to what judges a file.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--warm", type=Path, required=True, help="a short video, not measured")
    parser.add_argument("--frames", type=int, required=True, help="at most")
    parser.add_argument("video", type=Path)
    given = parser.parse_args()
    judge = load(given.model)
    judge(given.warm, given.frames)
    before = resource.getrusage(resource.RUSAGE_SELF)
    resident, started = _resident_bytes(), time.perf_counter()
    _forget_peak()
    scores = judge(given.video, given.frames)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    run = Run(seconds, cpu, max(0, _peak_bytes() - resident), list(map(float, scores)))
    print(json.dumps(asdict(run)))


def measured(module: str, model: Path, warm: Path, video: Path, frames: int) -> Run:
    """Start a module that calls `main`."""
    options = ["--model", str(model), "--warm", str(warm), "--frames", str(frames)]
    output = subprocess.run(
        [sys.executable, "-m", module, *options, str(video)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return Run(**json.loads(output.splitlines()[-1]))


def _forget_peak() -> None:
    """proc_pid_clear_refs(5): 5 resets the peak of resident memory."""
    Path("/proc/self/clear_refs").write_text("5")


def _resident_bytes() -> int:
    return _status("VmRSS")


def _peak_bytes() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    raise LookupError(f"/proc/self/status has no {name}")
