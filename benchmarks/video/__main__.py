"""Measures Vigil on videos.

python -m benchmarks.video                       # everything, three quarters of an hour
python -m benchmarks.video --quick               # does it all work? minutes; no figure counts
python -m benchmarks.video --only recall --only adversarial
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import commit, machine, versions
from benchmarks.video import cost, fairness, memory, report, speed, static
from benchmarks.video.recall import suite as recall
from benchmarks.video.results import Results, Settings, write
from benchmarks.video.session import Session
from benchmarks.video.workspace import Workspace

PARTS: Mapping[str, Callable[[Session], None]] = {
    "speed": speed.measure,
    "static": static.measure,
    "memory": memory.measure,
    "cost": cost.measure,
    "fairness": fairness.measure,
    "recall": recall.measure,
    "adversarial": recall.measure_adversarial,
}
_PACKAGES = (
    *("ray", "torch", "transformers", "av", "numpy"),
    "opencv-python-headless",
)
_MEASURED_PATHS = ("serve_app", "deployments", "serve_config.yaml", "benchmarks")


def main() -> int:
    """Run, write the results file, and say which goals hold.

    Returns:
        0, or 1 where Vigil does not judge as the systems that it is compared with.
    """
    # So that servers are ended, too, when this process is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = _arguments()
    results = Results(
        commit=commit(_MEASURED_PATHS),
        machine=machine(),
        versions=versions(_PACKAGES),
        settings=Settings(given.repeats, given.quick),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    if results.machine.load_average > 0.5:
        _say(f"The machine is busy (load {results.machine.load_average}): figures are noise.")
    session = Session(Workspace(given.work_directory, given.quick, _say), results, _say)
    started = time.monotonic()
    for name, measure in PARTS.items():
        if name in (given.only or PARTS):
            began = time.monotonic()
            measure(session)
            results.run_seconds = time.monotonic() - started
            write(results, given.output)
            _say(f"{name}: {time.monotonic() - began:.0f} s")
    _say(report.text(results))
    _say(f"written: {given.output}")
    return 0 if report.judges_alike(results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.video",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="may be repeated")
    parser.add_argument("--repeats", type=int, help="default 5")
    parser.add_argument("--quick", action="store_true", help="one short repeat, as a smoke test")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/latest.json"))
    parser.add_argument(
        "--work-directory",
        type=Path,
        default=Path(tempfile.gettempdir()) / "vigil-benchmarks",
        help="for clips and models; kept between runs",
    )
    given = parser.parse_args()
    given.repeats = given.repeats or (1 if given.quick else 5)
    return given


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
