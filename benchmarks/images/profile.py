"""Where the CPU goes in the running service: milliseconds per image, by process and stage.

The processes' CPU time comes from /proc, its division into stages from py-spy's samples.

    python -m benchmarks.images.profile --scenario tiny-32
    python -m benchmarks.images.profile --scenario tiny-32 --system ideal
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.images.scenarios import LoadScenario, SystemName, select
from benchmarks.images.stacks import stages_by_thread
from benchmarks.images.suite import requests_of
from benchmarks.images.systems.catalog import prepared
from benchmarks.images.workspace import Workspace
from benchmarks.load import Observer, Plan, drive
from benchmarks.machine import tool
from benchmarks.processes import ProcessFamily, Thread
from benchmarks.servers import HOST, free_port, running
from benchmarks.statistics import steady_rate

_SAMPLES_PER_SECOND = 100
_ATTACH_SECONDS = 2.0
"""py-spy reads a process's symbols before it samples."""
_BUSY_CORES = 0.02
"""Processes that take less in the warm-up are not sampled."""
_SMALLEST_MS = 0.02
"""Processes and stages below it are not listed."""


class ProfileError(RuntimeError):
    """py-spy failed."""


@dataclass(slots=True)
class Profiler:
    """Samples the Python processes of a server that work when it is under load.

    Make it before the load begins: what works in the warm-up is sampled in the window.

    Args:
        family: The server's processes.
        seconds: How long to sample.
        directory: For the samples.
    """

    family: ProcessFamily
    seconds: float
    directory: Path
    threads: dict[int, list[Thread]] = field(default_factory=dict)
    """Of each process; what the window cost them."""
    names: dict[int, str] = field(default_factory=dict)
    """What the processes call themselves after the load; Ray's change their names."""
    _made: float = field(default_factory=time.monotonic)
    _before: dict[int, float] = field(default_factory=dict)
    _samplers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read()

    def start(self) -> None:
        """Attach to the processes; called when the window starts."""
        self.family.refresh()
        before, elapsed = dict(self._before), time.monotonic() - self._made
        for pid, threads in self._read().items():
            worked = sum(thread.cpu_seconds - before.get(thread.id, 0.0) for thread in threads)
            if worked > _BUSY_CORES * elapsed and _is_python(pid):
                self._samplers[pid] = self._sampler(pid)

    def end(self) -> None:
        """Await the samplers; called when the window ends.

        Raises:
            ProfileError: A process could not be sampled.
        """
        self.threads = {
            pid: [
                replace(thread, cpu_seconds=thread.cpu_seconds - self._before.get(thread.id, 0.0))
                for thread in threads
            ]
            for pid, threads in self.family.threads().items()
        }
        self.names = self.family.command_lines()
        for sampler in self._samplers.values():
            _, error = sampler.communicate()
            if sampler.returncode:
                raise ProfileError(error.decode(errors="replace").strip())

    def cpu_seconds(self, pid: int) -> float:
        """Of one process in the window."""
        return sum(thread.cpu_seconds for thread in self.threads[pid])

    def stages(self, pid: int) -> Mapping[str, float]:
        """CPU seconds of each stage, largest first; none for a process that was not sampled.

        A thread's CPU time is known exactly; its samples say how it was divided. Threads without
        Python frames (torch's, gRPC's) are stages of their own.
        """
        if pid not in self._samplers:
            return {}
        shares = stages_by_thread(self._path(pid).read_text().splitlines())
        seconds: defaultdict[str, float] = defaultdict(float)
        for thread in self.threads[pid]:
            known = shares.get(thread.id, {f"native thread {thread.name!r}": 1.0})
            for stage, share in known.items():
                seconds[stage] += thread.cpu_seconds * share
        return dict(sorted(seconds.items(), key=lambda item: -item[1]))

    def _read(self) -> dict[int, list[Thread]]:
        threads = self.family.threads()
        self._before = {t.id: t.cpu_seconds for members in threads.values() for t in members}
        return threads

    def _sampler(self, pid: int) -> subprocess.Popen[bytes]:
        # Without pausing the process: a pause wakes threads that wait, and they count as running.
        options = ["--nonblocking", "--threads", "--format", "raw", "--full-filenames"]
        options += ["--rate", str(_SAMPLES_PER_SECOND), "--duration", str(round(self.seconds))]
        return subprocess.Popen(
            [tool("py-spy"), "record", *options, "--pid", str(pid), "-o", str(self._path(pid))],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def _path(self, pid: int) -> Path:
        return self.directory / f"{pid}.raw"


def _is_python(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.startswith("python")
    except OSError:
        return False


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
            profiler = Profiler(server.family, seconds, Path(directory))
            plan = Plan(scenario.connections, scenario.warmup_seconds, seconds + _ATTACH_SECONDS)
            observer = Observer(window_starts=profiler.start, window_ends=profiler.end)
            load = drive(HOST, port, requests, plan, observer)
        rate = steady_rate(load.completions, load.window_seconds)
        images = rate * load.window_seconds
        lines = [f"{scenario.name}, {system}: {rate:.1f} images/s while it was sampled"]
        costs = {pid: 1000 * profiler.cpu_seconds(pid) / images for pid in profiler.threads}
        lines.append(f"{sum(costs.values()):8.2f} ms of CPU per image, all processes")
        for pid, cost in sorted(costs.items(), key=lambda item: -item[1]):
            if cost < _SMALLEST_MS:
                continue
            lines.append(f"{cost:8.2f}   {profiler.names.get(pid, 'ended')[:90]}")
            lines += [
                f"{1000 * seconds / images:12.2f}   {stage}"
                for stage, seconds in profiler.stages(pid).items()
                if 1000 * seconds / images >= _SMALLEST_MS
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
