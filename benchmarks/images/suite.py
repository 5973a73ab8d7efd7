"""Runs the scenarios: every system in turn, all of it repeated, the order turned each time.

A system is started once a repeat and model, and goes through all scenarios with that model before
the next system starts: no other server is in memory while one is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from benchmarks.images.agreement import agreement
from benchmarks.images.results import (
    IdleMeasurement,
    LimitMeasurement,
    LoadMeasurement,
    MemoryMeasurement,
    MemorySample,
    Results,
    StartMeasurement,
)
from benchmarks.images.scenarios import (
    FileSet,
    IdleScenario,
    LoadScenario,
    MemoryScenario,
    Scenario,
    SystemName,
)
from benchmarks.images.systems.catalog import Contract, Target, prepared
from benchmarks.images.workspace import Workspace
from benchmarks.load import File, Load, Observer, Plan, Request, drive, upload
from benchmarks.machine import ROOT
from benchmarks.model_kind import ModelKind
from benchmarks.processes import ProcessFamily
from benchmarks.servers import HOST, Server, free_port, running
from benchmarks.statistics import percentile, steady_rate
from benchmarks.turns import in_turn

_TINY = ModelKind("tiny")
_MEMORY_SAMPLES = 40
_BURSTS = 3


@dataclass(slots=True)
class _Usage:
    """CPU and memory of a server in a window."""

    family: ProcessFamily
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    _cpu_before: float = 0.0

    def starts(self) -> None:
        self.family.refresh()
        self._cpu_before = self.family.cpu_seconds()

    def tick(self) -> None:
        self.family.cpu_seconds()  # so that little is lost of a process that ends
        self.peak_rss_bytes = max(self.peak_rss_bytes, self.family.rss_bytes())

    def ends(self) -> None:
        self.family.refresh()
        self.cpu_seconds = self.family.cpu_seconds() - self._cpu_before
        self.tick()


@dataclass(slots=True)
class Suite:
    """One run.

    Args:
        workspace: Files and models.
        scenarios: What to measure.
        systems: Which systems; a scenario may know fewer.
        results: Filled while it runs.
        say: Told about the progress.
        saved: Called after every repeat.
    """

    workspace: Workspace
    scenarios: Sequence[Scenario]
    systems: Sequence[SystemName]
    results: Results
    say: Callable[[str], None]
    saved: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Every repeat of every scenario.

        Raises:
            ServerError, LoadError, WrongAnswerError, ValueError: A system failed; what was
                measured until then is in ``results``.
        """
        loads = [s for s in self.scenarios if isinstance(s, LoadScenario)]
        for repeat in range(self.results.settings.repeats):
            self.say(f"repeat {repeat + 1} of {self.results.settings.repeats}")
            for kind in dict.fromkeys(scenario.model for scenario in loads):
                self._repeat_loads([s for s in loads if s.model == kind], repeat)
            for scenario in self.scenarios:
                if isinstance(scenario, IdleScenario):
                    self._repeat_idle(scenario, repeat)
            self.saved()
        for scenario in self.scenarios:
            if isinstance(scenario, MemoryScenario):
                self._memory(scenario)
                self.saved()

    def _repeat_loads(self, scenarios: Sequence[LoadScenario], repeat: int) -> None:
        for system in self._in_turn(scenarios, repeat):
            own = [scenario for scenario in scenarios if system in scenario.systems]
            if system == "limit":
                for scenario in own:
                    self._limit(scenario, repeat)
            else:
                self._loads(system, own, repeat)

    def _in_turn(self, scenarios: Sequence[Scenario], repeat: int) -> list[SystemName]:
        """The systems of the scenarios; each repeat begins with another one."""
        chosen = [s for s in self.systems if any(s in scenario.systems for scenario in scenarios)]
        return in_turn(chosen, repeat)

    def _loads(self, system: SystemName, scenarios: Sequence[LoadScenario], repeat: int) -> None:
        kind = scenarios[0].model
        port = free_port()
        with prepared(system, kind, self.workspace.checkpoint(kind), port) as target:
            probe = self._requests(target.contract, "jpeg", 1)[0]
            log = self.workspace.log(f"{system}-{kind.name}")
            with running(target.command, port, probe, log) as server:
                self._started(system, kind, repeat, server)
                for scenario in scenarios:
                    self._load(system, scenario, repeat, target, server)

    def _started(self, system: SystemName, kind: ModelKind, repeat: int, server: Server) -> None:
        seconds = server.start_to_ready_seconds
        self.results.starts.append(StartMeasurement(system, kind.name, repeat, seconds))
        self.say(f"  {system:9} {kind.name}: ready after {seconds:.1f} s")

    def _load(
        self,
        system: SystemName,
        scenario: LoadScenario,
        repeat: int,
        target: Target,
        server: Server,
    ) -> None:
        requests = self._requests(target.contract, scenario.files, scenario.files_per_request)
        # Ray's metrics take ten seconds to arrive: once is enough.
        counts = target.read_batches if repeat == 0 else None
        before = counts() if counts else 0
        usage = _Usage(server.family)
        load = drive(
            HOST,
            server.port,
            requests,
            self._plan(scenario),
            Observer(usage.starts, usage.tick, usage.ends),
        )
        batches = counts() - before if counts else 0
        answered = sum(len(answer.files) for answer in load.answers)
        measurement = LoadMeasurement(
            scenario=scenario.name,
            system=system,
            repeat=repeat,
            images=load.images,
            **_rates(load, usage),
            reconnects=load.reconnects,
            peak_rss_bytes=usage.peak_rss_bytes,
            pss_bytes=server.family.pss_bytes(),
            mean_batch_size=answered / batches if batches else None,
            agreement=agreement(
                load.answers, self.workspace.references(scenario.model, scenario.files)
            ),
        )
        self.results.loads.append(measurement)
        self.say(_line(measurement))

    def _plan(self, scenario: LoadScenario) -> Plan:
        settings = self.results.settings
        seconds = settings.window_seconds or scenario.seconds
        warmup = min(scenario.warmup_seconds, seconds / 2 if settings.quick else seconds)
        # Enough for some bursts, even where all connections are answered in one.
        answers = max(12, _BURSTS * scenario.connections)
        return Plan(scenario.connections, warmup, seconds, min_answers=answers)

    def _requests(self, contract: Contract, files: FileSet, count: int) -> list[Request]:
        return requests_of(contract, self.workspace.files[files], count)

    def _limit(self, scenario: LoadScenario, repeat: int) -> None:
        kind = scenario.model
        seconds = self._plan(scenario).seconds
        arguments = [
            "--model",
            "zero" if kind.checkpoint == "zero" else str(self.workspace.checkpoint(kind)),
            *("--dtype", kind.dtype),
            *("--batch", str(min(32, scenario.connections))),
            *("--seconds", str(seconds)),
            *map(str, self.workspace.paths(scenario.files)),
        ]
        output = subprocess.run(
            [sys.executable, "-m", "benchmarks.images.systems.limits", *arguments],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        measurement = LimitMeasurement(scenario.name, repeat, **json.loads(output))
        self.results.limits.append(measurement)
        model = measurement.model_images_per_second
        self.say(
            f"  limit     {scenario.name}: decode {measurement.decode_images_per_second:.0f}/s"
            + (f", model {model:.1f}/s" if model else "")
        )

    def _repeat_idle(self, scenario: IdleScenario, repeat: int) -> None:
        quick = self.results.settings.quick
        for system in self._in_turn([scenario], repeat):
            port = free_port()
            with prepared(system, _TINY, self.workspace.checkpoint(_TINY), port) as target:
                probe = self._requests(target.contract, "jpeg", 1)[0]
                log = self.workspace.log(f"{system}-idle")
                with running(target.command, port, probe, log) as server:
                    self._started(system, _TINY, repeat, server)
                    time.sleep(2 if quick else scenario.settle_seconds)
                    self._idle(system, repeat, server, 5 if quick else scenario.seconds)

    def _idle(self, system: SystemName, repeat: int, server: Server, seconds: float) -> None:
        family = server.family
        family.refresh()
        cpu, started = family.cpu_seconds(), time.perf_counter()
        time.sleep(seconds)
        family.refresh()
        cores = (family.cpu_seconds() - cpu) / (time.perf_counter() - started)
        measurement = IdleMeasurement(
            system, repeat, cores, family.rss_bytes(), family.pss_bytes(), len(family)
        )
        self.results.idle.append(measurement)
        self.say(f"  {system:9} idle: {100 * cores:.1f} % of a core")

    def _memory(self, scenario: MemoryScenario) -> None:
        divisor = 50 if self.results.settings.quick else 1
        requests = scenario.requests // divisor
        warmup = scenario.warmup_requests // divisor
        for system in self._in_turn([scenario], 0):
            port = free_port()
            with prepared(system, _TINY, self.workspace.checkpoint(_TINY), port) as target:
                sent = self._requests(target.contract, "jpeg", 1)
                log = self.workspace.log(f"{system}-memory")
                with running(target.command, port, sent[0], log) as server:
                    self._started(system, _TINY, 0, server)
                    samples: list[MemorySample] = []
                    references = self.workspace.references(_TINY, "jpeg")
                    count = requests // _MEMORY_SAMPLES
                    for part in range(_MEMORY_SAMPLES + 1):
                        most = count if part else warmup
                        plan = Plan(scenario.connections, 0, float("inf"), max_requests=most)
                        load = drive(HOST, port, sent, plan, Observer())
                        agreement(load.answers, references)
                        server.family.refresh()
                        samples.append(MemorySample(part * count, server.family.pss_bytes()))
                    measurement = MemoryMeasurement(system, tuple(samples))
                    self.results.memory.append(measurement)
                    self.say(f"  {system:9} memory: {measurement.growth_bytes / 1e6:+.1f} MB")


def requests_of(contract: Contract, files: Sequence[File], count: int) -> list[Request]:
    """Requests of ``count`` files each, which together send all the files."""
    if count == 1:
        return [upload(contract.path, contract.form_field, [file]) for file in files]
    assert contract.multi_path is not None
    # Each request begins with another file, so that an answer in a wrong order shows.
    return [
        upload(contract.multi_path, "files", list(islice(cycle(files), start, start + count)))
        for start in range(min(4, len(files)))
    ]


def _rates(load: Load, usage: _Usage) -> dict[str, float]:
    rate = steady_rate(load.completions, load.window_seconds)
    return {
        "images_per_second": rate,
        "p50_seconds": percentile(load.latencies_seconds, 50),
        "p95_seconds": percentile(load.latencies_seconds, 95),
        "p99_seconds": percentile(load.latencies_seconds, 99),
        # CPU flows steadily while answers come in bursts: so both as rates.
        "cpu_seconds_per_image": usage.cpu_seconds / load.window_seconds / rate,
        "client_cpu_seconds_per_image": load.client_cpu_seconds / load.window_seconds / rate,
    }


def _line(measurement: LoadMeasurement) -> str:
    batch = measurement.mean_batch_size
    return (
        f"  {measurement.system:9} {measurement.scenario}: "
        f"{measurement.images_per_second:.1f} images/s, "
        f"p50 {1000 * measurement.p50_seconds:.1f} ms, "
        f"p99 {1000 * measurement.p99_seconds:.1f} ms, "
        f"CPU {1000 * measurement.cpu_seconds_per_image:.1f} ms "
        f"(+ client {1000 * measurement.client_cpu_seconds_per_image:.2f}), "
        f"peak {measurement.peak_rss_bytes / 2**20:.0f} MiB, "
        + (f"batch {batch:.1f}, " if batch else "")
        + f"scores off by {measurement.agreement.median:.1e} / {measurement.agreement.worst:.1e}"
    )
