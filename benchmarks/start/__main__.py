"""How long Vigil takes from its start to its first answer, beside an earlier Vigil.

    git worktree add ../before 9dd45be
    python -m benchmarks.start --before ../before --output benchmarks/results/start.json

Both start in turn, each with the ``serve_config.yaml`` that it ships with, in this Python.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import yaml

from benchmarks import json_file
from benchmarks.load import File, upload
from benchmarks.machine import ROOT, commit, machine
from benchmarks.servers import free_port, running
from benchmarks.statistics import paired_ratio
from benchmarks.turns import in_turn
from benchmarks.vigil_config import listening
from benchmarks.vigil_server import serve, write_config

PATHS = ("serve_app", "deployments", "serve_config.yaml")
_SAMPLE = ROOT / "examples" / "samples" / "flagged.jpg"


def main() -> None:
    """Measures, prints the figures and writes the results file."""
    arguments = _arguments()
    checkouts = {"before": arguments.before, "now": ROOT}
    seconds: dict[str, list[float]] = {name: [] for name in checkouts}
    for repeat in range(arguments.repeats):
        for name in in_turn(checkouts, repeat):
            seconds[name].append(start_seconds(checkouts[name]))
            print(f"{name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    ratio = paired_ratio(seconds["now"], seconds["before"])
    print(f"now ÷ before: {ratio.median:.2f} ({ratio.low:.2f} – {ratio.high:.2f})")
    if arguments.output:
        content = {
            "machine": asdict(machine()),
            "commits": {name: asdict(commit(PATHS, where)) for name, where in checkouts.items()},
            "start_to_ready_seconds": seconds,
            "now_over_before": asdict(ratio),
        }
        json_file.write(content, arguments.output)


def start_seconds(checkout: Path) -> float:
    """From the start of a checkout's service to its first answer.

    Args:
        checkout: Its root.
    """
    port = free_port()
    config = yaml.safe_load((checkout / "serve_config.yaml").read_text())
    sample = File(_SAMPLE.name, "image/jpeg", _SAMPLE.read_bytes())
    probe = upload("/api/image-classification", "file", [sample])
    with tempfile.TemporaryDirectory(prefix="vigil-start-") as name:
        folder = Path(name)
        command = serve(write_config(folder, listening(config, port)), port, folder / "ray")
        environment = {**command.environment, "PYTHONPATH": str(checkout)}
        command = replace(command, environment=environment, directory=checkout)
        with running(command, port, probe, folder / "server.log") as server:
            return server.start_to_ready_seconds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="an earlier checkout's root")
    parser.add_argument("--repeats", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--output", type=Path, help="results file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
