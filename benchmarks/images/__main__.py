"""Measures Vigil beside its peers on images.

python -m benchmarks.images                                  # everything, about 80 minutes
python -m benchmarks.images --quick                          # does it all work? minutes
python -m benchmarks.images --scenario tiny-32 --systems vigil,ideal --repeats 2
python -m benchmarks.images --scenario memory
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from benchmarks.images import files, report
from benchmarks.images.results import Results, Settings, write
from benchmarks.images.scenarios import LoadScenario, SystemName, select
from benchmarks.images.suite import Suite
from benchmarks.images.workspace import Workspace
from benchmarks.machine import commit, machine, versions

_PACKAGES = (
    *("ray", "torch", "transformers", "fastapi", "uvicorn", "litserve"),
    *("pillow", "simplejpeg", "numpy"),
)
_QUICK_SECONDS = 2.0
_MEASURED_PATHS = ("serve_app", "deployments", "serve_config.yaml", "benchmarks")


def main() -> int:
    """Run, write the results file, and say which goals hold.

    Returns:
        0, or 1 where Vigil's scores do not agree with the pipeline's.
    """
    # So that servers are ended, too, when this process is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = _arguments()
    scenarios = select(given.scenario)
    sets = tuple(dict.fromkeys(s.files for s in scenarios if isinstance(s, LoadScenario)))
    workspace = Workspace(given.work_directory, sets)
    results = Results(
        commit=commit(_MEASURED_PATHS),
        machine=machine(),
        versions=versions(_PACKAGES),
        settings=Settings(given.repeats, given.quick, given.seconds),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        files={name: files.facts(workspace.files[name]) for name in sets},
    )
    if results.machine.load_average > 0.5:
        _say(f"The machine is busy (load {results.machine.load_average}): figures are noise.")
    suite = Suite(
        workspace,
        scenarios,
        given.systems,
        results,
        _say,
        saved=lambda: write(results, given.output),
    )
    suite.run()
    _say(report.text(results))
    _say(f"written: {given.output}")
    return 0 if report.scores_agree(results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.images",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scenario", action="append", default=[], help="name or pattern; may be repeated"
    )
    parser.add_argument(
        "--systems", type=_systems, default=get_args(SystemName), help="names, comma separated"
    )
    parser.add_argument("--repeats", type=int, help="default 5")
    parser.add_argument(
        "--seconds", type=float, help="length of every window; default: each scenario's own"
    )
    parser.add_argument("--quick", action="store_true", help="one short repeat, as a smoke test")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/latest.json"))
    parser.add_argument(
        "--work-directory",
        type=Path,
        default=Path(tempfile.gettempdir()) / "vigil-benchmarks",
        help="for files and models; kept between runs",
    )
    given = parser.parse_args()
    given.repeats = given.repeats or (1 if given.quick else 5)
    given.seconds = given.seconds or (_QUICK_SECONDS if given.quick else None)
    return given


def _systems(value: str) -> tuple[SystemName, ...]:
    names = tuple(value.split(","))
    unknown = set(names) - set(get_args(SystemName))
    if unknown:
        known = ", ".join(get_args(SystemName))
        raise argparse.ArgumentTypeError(f"no system {min(unknown)!r}; there are {known}")
    return names  # type: ignore[return-value] # checked above


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
