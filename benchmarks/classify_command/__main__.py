"""Measures `vigil classify` beside a client that does nothing but saturate the service.

python -m benchmarks.classify_command                  # 1,000 files, some minutes
python -m benchmarks.classify_command --quick          # does it work? its figures mean nothing

Both send the same generated files to the same running service, in turn. The command is timed from
its start to its end, with all that a user waits for: Python's start, reading, parsing, writing CSV.
The saturating client sends prepared requests from memory, in the ways given in `WAYS`; the fastest
of them stands for what the service can do.
"""

from __future__ import annotations

import argparse
import csv
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import json_file, vigil_config, vigil_server
from benchmarks.classify_command import files
from benchmarks.load import File, Observer, Plan, drive, upload
from benchmarks.machine import ROOT, commit, machine, versions
from benchmarks.servers import HOST, free_port, running
from benchmarks.turns import in_turn

GOAL = 0.9
"""Share of the service's throughput that the command is to use."""

WAYS = {
    "1 file, 8 connections": (1, 8),
    "1 file, 32": (1, 32),
    "16 files, 4": (16, 4),
    "16 files, 8": (16, 8),
}
"""Files in a request, and connections."""

_ROUTE, _FIELD = "/v1/images", "files"
_WITHOUT_END_SECONDS = 3600.0
_MEASURED_PATHS = ("serve_app", "deployments", "vigil_cli", "client", "serve_config.yaml")


@dataclass(frozen=True, slots=True)
class Run:
    """All files once."""

    files_per_second: float
    client_cpu_seconds: float


@dataclass(slots=True)
class Results:
    """What is written."""

    files: int
    repeats: int
    load: dict[str, list[Run]] = field(default_factory=dict)
    """By way."""
    command: list[Run] = field(default_factory=list)

    def share(self) -> float:
        """The command's median throughput by that of the fastest way."""
        return _median(self.command) / max(map(_median, self.load.values()))


class MeasurementError(RuntimeError):
    """A client did not get all its answers."""


def main() -> int:
    """Measure, write the results file, and say whether the goal holds."""
    given = _arguments()
    count, repeats = (60, 1) if given.quick else (given.files, given.repeats)
    facts = {
        "commit": asdict(commit(_MEASURED_PATHS)),
        "machine": asdict(machine()),
        "versions": versions(("ray", "torch", "httpx", "rich", "typer")),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "quick": given.quick,
    }
    with tempfile.TemporaryDirectory(prefix="vigil-classify-") as name:
        # Ray's sockets need a short path: the service has a folder of its own.
        folder = Path(name) / "files"
        folder.mkdir()
        paths = files.make(folder, count)
        results = Results(count, repeats)
        with _service(Path(name), paths[0]) as port:
            _measure(results, port, folder, files.read(paths))
    share = results.share()
    json_file.write(
        {**facts, **_members(results), "share": share, "goal": GOAL, "holds": share >= GOAL},
        given.output,
    )
    for way, runs in results.load.items():
        print(f"{way:24} {_median(runs):8.1f} files/s")
    print(f"{'vigil classify':24} {_median(results.command):8.1f} files/s: {share:.0%} of the best")
    print(f"written: {given.output}")
    return 0 if given.quick or share >= GOAL else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.classify_command",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    output = ROOT / "benchmarks" / "results" / "classify_command.json"
    parser.add_argument("--output", type=Path, default=output)
    return parser.parse_args()


@contextmanager
def _service(directory: Path, probe: Path) -> Iterator[int]:
    port = free_port()
    config = vigil_config.listening(vigil_config.shipped(), port)
    path = vigil_server.write_config(directory, config)
    with tempfile.TemporaryDirectory(prefix="vigil-", dir="/tmp") as ray_directory:
        command = vigil_server.serve(path, port, Path(ray_directory))
        request = upload(_ROUTE, _FIELD, files.read([probe]))
        with running(command, port, request, directory / "service.log"):
            yield port


def _measure(results: Results, port: int, folder: Path, sent: Sequence[File]) -> None:
    _load(port, sent[: len(sent) // 5], *WAYS["16 files, 4"])  # warms the service up
    clients = [*WAYS, "command"]
    for repeat in range(results.repeats):
        for client in in_turn(clients, repeat):
            if client == "command":
                results.command.append(_command(port, folder, len(sent)))
            else:
                results.load.setdefault(client, []).append(_load(port, sent, *WAYS[client]))


def _load(port: int, sent: Sequence[File], per_request: int, connections: int) -> Run:
    groups = [sent[start : start + per_request] for start in range(0, len(sent), per_request)]
    requests = [upload(_ROUTE, _FIELD, group) for group in groups]
    plan = Plan(connections, 0.0, _WITHOUT_END_SECONDS, max_requests=len(requests))
    cpu, started = time.process_time(), time.perf_counter()
    load = drive(HOST, port, requests, plan, Observer())
    seconds = time.perf_counter() - started
    statuses = Counter(answer.status for answer in load.answers)
    if statuses != {200: len(requests)}:
        refused = next((a.body[:500] for a in load.answers if a.status != 200), b"")
        raise MeasurementError(
            f"{len(requests)} requests of {per_request} files, {connections} connections: "
            f"answers {dict(statuses)}, {refused!r}"
        )
    return Run(len(sent) / seconds, time.process_time() - cpu)


def _command(port: int, folder: Path, count: int) -> Run:
    url = f"http://{HOST}:{port}"
    arguments = [sys.executable, "-m", "vigil_cli", "classify", str(folder), "--csv", "--url", url]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    if len(rows) != count or any(row["flagged"] == "" for row in rows):
        raise MeasurementError(f"the command did not classify every file:\n{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(count / seconds, cpu)


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.files_per_second for run in runs)


def _members(results: Results) -> dict[str, json_file.Json]:
    members: dict[str, json_file.Json] = asdict(results)
    return members


if __name__ == "__main__":
    sys.exit(main())
