"""Where the CPU goes in the running service: milliseconds per image, by process and stage.

The processes' CPU time comes from /proc, its division into stages from py-spy's samples.

    python -m benchmarks.images.profile --scenario tiny-32
    python -m benchmarks.images.profile --scenario tiny-32 --system ideal
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.images.scenarios import LoadScenario, SystemName, select
from benchmarks.images.stacks import stages
from benchmarks.images.suite import requests_of
from benchmarks.images.systems.catalog import prepared
from benchmarks.images.workspace import Workspace
from benchmarks.load import Observer, Plan, drive
from benchmarks.machine import tool
from benchmarks.processes import ProcessFamily
from benchmarks.servers import HOST, free_port, running
from benchmarks.statistics import steady_rate

_SAMPLES_PER_SECOND = 100
_ATTACH_SECONDS = 2.0
"""py-spy reads a process's symbols before it samples."""
_SMALLEST_MS = 0.02
"""Processes and stages below it are summed up as the rest."""


@dataclass(slots=True)
class Profiler:
    """Samples every Python process of a server that works on requests.

    Args:
        family: The server's processes.
        seconds: How long to sample.
        directory: For the samples.
        named: A process is sampled when its command line contains one of these.
    """

    family: ProcessFamily
    seconds: float
    directory: Path
    named: Sequence[str]
    before: dict[int, float] = field(default_factory=dict)
    cpu_seconds: dict[int, float] = field(default_factory=dict)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Attach to the processes; called when the window starts."""
        self.family.refresh()
        self.before = self.family.cpu_seconds_by_process()
        for pid, line in self.family.command_lines().items():
            if any(name in line for name in self.named):
                self._running.append(self._record(pid))

    def end(self) -> None:
        """Await the samplers; called when the window ends."""
        after = self.family.cpu_seconds_by_process()
        self.cpu_seconds = {pid: cpu - self.before.get(pid, 0.0) for pid, cpu in after.items()}
        for recorder in self._running:
            recorder.wait()

    def shares(self, pid: int) -> dict[str, float]:
        """Share of each stage; empty for a process that was not sampled."""
        path = self._path(pid)
        return dict(stages(path.read_text().splitlines())) if path.exists() else {}

    def _record(self, pid: int) -> subprocess.Popen[bytes]:
        options = ("--format", "raw", "--full-filenames", "--rate", str(_SAMPLES_PER_SECOND))
        target = ("--pid", str(pid), "--duration", str(round(self.seconds)))
        return subprocess.Popen(
            [tool("py-spy"), "record", *options, *target, "--output", str(self._path(pid))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _path(self, pid: int) -> Path:
        return self.directory / f"{pid}.raw"


def profile(
    workspace: Workspace, scenario: LoadScenario, system: SystemName, seconds: float
) -> str:
    """A table of milliseconds of CPU per image, as text."""
    port = free_port()
    checkpoint = workspace.checkpoint(scenario.model)
    with (
        prepared(system, scenario.model, checkpoint, port) as target,
        tempfile.TemporaryDirectory() as directory,
    ):
        files = workspace.files[scenario.files]
        probe = requests_of(target.contract, files, 1)[0]
        requests = requests_of(target.contract, files, scenario.files_per_request)
        with running(target.command, port, probe, workspace.log(f"{system}-profile")) as server:
            named = ("ServeReplica", "ProxyActor") if system == "vigil" else ("python",)
            profiler = Profiler(server.family, seconds, Path(directory), named)
            plan = Plan(scenario.connections, scenario.warmup_seconds, seconds + _ATTACH_SECONDS)
            observer = Observer(window_starts=profiler.start, window_ends=profiler.end)
            load = drive(HOST, port, requests, plan, observer)
            names = server.family.command_lines()
        rate = steady_rate(load.completions)
        images = rate * load.window_seconds
        lines = [f"{scenario.name}, {system}: {rate:.1f} images/s while it was sampled"]
        total = 1000 * sum(profiler.cpu_seconds.values()) / images
        lines.append(f"{total:8.2f} ms of CPU per image, all processes")
        ordered = sorted(profiler.cpu_seconds.items(), key=lambda item: -item[1])
        for pid, cpu in ordered:
            cost = 1000 * cpu / images
            if cost < _SMALLEST_MS:
                continue
            lines.append(f"{cost:8.2f}   {names.get(pid, 'ended')[:90]}")
            lines += [
                f"{cost * share:12.2f}   {stage}"
                for stage, share in profiler.shares(pid).items()
                if cost * share >= _SMALLEST_MS
            ]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="tiny-32")
    parser.add_argument(
        "--system", choices=("vigil", "ideal", "litserve", "fastapi"), default="vigil"
    )
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument(
        "--work-directory", type=Path, default=Path(tempfile.gettempdir()) / "vigil-benchmarks"
    )
    given = parser.parse_args()
    (scenario,) = select([given.scenario])
    if not isinstance(scenario, LoadScenario):
        parser.error("only scenarios that send requests can be profiled")
    workspace = Workspace(given.work_directory, (scenario.files,))
    print(profile(workspace, scenario, given.system, given.seconds))


if __name__ == "__main__":
    main()
