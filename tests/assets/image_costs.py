"""What opening and decoding hostile images costs, measured in a process of its own.

    python -m tests.assets.image_costs        prints the table

A process of its own, because a bomb that goes off takes its process along.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from deployments.errors import MediaError
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from tests.assets.image_bombs import BOMBS, DUDS
from tests.assets.images import STILL_FORMATS, image_bytes

ROOT = Path(__file__).parents[2]
CPU_SECONDS = 120
"""For all of them and for making them; beyond, the kernel ends the process."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one file."""

    name: str
    file_bytes: int
    outcome: str
    """The error's class, or the shape of the frames."""
    cpu_seconds: float
    grown_bytes: int
    """Highest resident memory above that before."""


def costs() -> list[Cost]:
    """Of `BOMBS` and `DUDS`, with the default limits.

    Raises:
        AssertionError: The process that decodes them died.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.assets.image_costs", "--child"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        measured = {line["name"] for line in lines}
        next_one = next((name for name in (*BOMBS, *DUDS) if name not in measured), None)
        raise AssertionError(f"{next_one!r} went off ({done.returncode}): {done.stderr[-2000:]}")
    return [Cost(**line) for line in lines]


def _measure_all() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for name in STILL_FORMATS:  # libraries are loaded and pools filled before anything is measured
        list(open_image(image_bytes(name), MediaLimits()).frames())
    for name, make in {**BOMBS, **DUDS}.items():
        print(json.dumps(asdict(_measure(name, make()))), flush=True)


def _measure(name: str, data: bytes) -> Cost:
    used = time.process_time()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew: proc(5)
    before = _status("VmRSS")
    try:
        shapes = [frame.pixels.shape for frame in open_image(data, MediaLimits()).frames()]
        outcome = str(shapes)
    except MediaError as error:
        outcome = type(error).__name__
    seconds = time.process_time() - used
    return Cost(name, len(data), outcome, seconds, _status("VmHWM") - before)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


if __name__ == "__main__":
    if "--child" in sys.argv:
        _measure_all()
    else:
        for cost in costs():
            print(
                f"{cost.name:32} {cost.file_bytes:>9,} B  {cost.cpu_seconds:6.3f} s  "
                f"{cost.grown_bytes / 2**20:6.1f} MiB  {cost.outcome}"
            )
