"""The results file: what was measured, on what, with what. Plain data, written as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks import json_file
from benchmarks.images.agreement import Agreement
from benchmarks.images.files import FileFacts
from benchmarks.machine import Commit, Machine

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class LoadMeasurement:
    """One system under one load, once."""

    scenario: str
    system: str
    repeat: int
    images: int
    images_per_second: float
    p50_seconds: float
    """Latency of a request."""
    p95_seconds: float
    p99_seconds: float
    cpu_seconds_per_image: float
    """Of all processes of the system."""
    client_cpu_seconds_per_image: float
    """Of the client, which shares the cores."""
    reconnects: int
    """Connections that the server ended after an answer."""
    peak_rss_bytes: int
    """Summed over all processes; shared pages are counted in each of them."""
    pss_bytes: int
    """After the load; shared pages are counted once."""
    mean_batch_size: float | None
    """None: the system never batches, or it was not asked in this repeat."""
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class LimitMeasurement:
    """The bounds of one scenario, once."""

    scenario: str
    repeat: int
    decode_images_per_second: float
    decode_cpu_seconds_per_image: float
    model_images_per_second: float | None
    """None for the model that costs nothing."""


@dataclass(frozen=True, slots=True)
class StartMeasurement:
    """One start of a system."""

    system: str
    model: str
    repeat: int
    start_to_ready_seconds: float


@dataclass(frozen=True, slots=True)
class IdleMeasurement:
    """One system without requests, once."""

    system: str
    repeat: int
    cpu_cores: float
    """CPU seconds per second."""
    rss_bytes: int
    pss_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Memory after so many requests."""

    requests: int
    pss_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """One system over many requests."""

    system: str
    samples: tuple[MemorySample, ...]

    @property
    def growth_bytes(self) -> int:
        """From the mean of the second tenth of the samples to that of the last tenth.

        The first tenth is left out: pools and caches fill in it.
        """
        tenth = max(1, len(self.samples) // 10)
        early = [sample.pss_bytes for sample in self.samples[tenth : 2 * tenth]]
        late = [sample.pss_bytes for sample in self.samples[-tenth:]]
        return round(sum(late) / len(late) - sum(early) / len(early))


@dataclass(frozen=True, slots=True)
class Settings:
    """How the run was made."""

    repeats: int
    quick: bool
    """A smoke test: its figures mean nothing."""
    window_seconds: float | None
    """None: each scenario's own."""


@dataclass(slots=True)
class Results:
    """One run."""

    commit: Commit
    machine: Machine
    versions: dict[str, str]
    settings: Settings
    date: str
    files: dict[str, FileFacts] = field(default_factory=dict)
    loads: list[LoadMeasurement] = field(default_factory=list)
    limits: list[LimitMeasurement] = field(default_factory=list)
    starts: list[StartMeasurement] = field(default_factory=list)
    idle: list[IdleMeasurement] = field(default_factory=list)
    memory: list[MemoryMeasurement] = field(default_factory=list)
    schema: int = SCHEMA

    @property
    def repeats(self) -> int:
        """How often it was measured: less than was set where the run was ended early."""
        return 1 + max((made.repeat for made in (*self.loads, *self.idle)), default=-1)

    def beyond(self, newer: Results) -> Results:
        """What a newer run did not measure, of this one."""
        scenarios = {load.scenario for load in newer.loads}
        return replace(
            self,
            loads=[load for load in self.loads if load.scenario not in scenarios],
            limits=[limit for limit in self.limits if limit.scenario not in scenarios],
            idle=[] if newer.idle else self.idle,
            memory=[] if newer.memory else self.memory,
        )


def write(results: Results, path: Path) -> None:
    """As JSON."""
    json_file.write(asdict(results), path)


def read(path: Path) -> Results:
    """What `write` wrote.

    Raises:
        ValueError: Another schema.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["schema"] != SCHEMA:
        raise ValueError(f"{path.name} has schema {content['schema']}, not {SCHEMA}")
    return Results(
        commit=Commit(**content["commit"]),
        machine=Machine(
            **content["machine"]
            | {"instruction_sets": tuple(content["machine"]["instruction_sets"])}
        ),
        versions=content["versions"],
        settings=Settings(**content["settings"]),
        date=content["date"],
        files={name: FileFacts(**facts) for name, facts in content["files"].items()},
        loads=[
            LoadMeasurement(**load | {"agreement": Agreement(**load["agreement"])})
            for load in content["loads"]
        ],
        limits=[LimitMeasurement(**limit) for limit in content["limits"]],
        starts=[StartMeasurement(**start) for start in content["starts"]],
        idle=[IdleMeasurement(**idle) for idle in content["idle"]],
        memory=[
            MemoryMeasurement(
                memory["system"], tuple(MemorySample(**sample) for sample in memory["samples"])
            )
            for memory in content["memory"]
        ],
    )
