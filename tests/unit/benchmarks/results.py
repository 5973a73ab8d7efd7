"""A results file's content, made up: round figures, so that ratios can be worked out by eye."""

from __future__ import annotations

from benchmarks.images.agreement import Agreement
from benchmarks.images.files import FileFacts
from benchmarks.images.results import (
    IdleMeasurement,
    LimitMeasurement,
    LoadMeasurement,
    MemoryMeasurement,
    MemorySample,
    Results,
    Settings,
    StartMeasurement,
)
from benchmarks.machine import Commit, Machine


def load(
    scenario: str,
    system: str,
    images_per_second: float,
    *,
    repeat: int = 0,
    p50_seconds: float = 0.05,
    cpu_seconds_per_image: float = 0.01,
    worst: float = 1e-4,
) -> LoadMeasurement:
    return LoadMeasurement(
        scenario=scenario,
        system=system,
        repeat=repeat,
        images=int(images_per_second * 10),
        images_per_second=images_per_second,
        p50_seconds=p50_seconds,
        p95_seconds=2 * p50_seconds,
        p99_seconds=4 * p50_seconds,
        cpu_seconds_per_image=cpu_seconds_per_image,
        client_cpu_seconds_per_image=0.0001,
        reconnects=0,
        peak_rss_bytes=2**31,
        pss_bytes=2**30,
        mean_batch_size=8.0 if system == "vigil" else None,
        agreement=Agreement(worst / 10, worst, 100),
    )


def results(*loads: LoadMeasurement, quick: bool = False, modified: bool = False) -> Results:
    return Results(
        commit=Commit("0123456789abcdef0123456789abcdef01234567", modified),
        machine=Machine("A CPU", 2, ("avx2",), 8 * 2**30, "Linux 6.1", "3.11.7", 0.1),
        versions=dict.fromkeys(("ray", "torch", "transformers", "fastapi", "litserve"), "1.0"),
        settings=Settings(repeats=3, quick=quick, window_seconds=None),
        date="2026-01-02",
        files={"jpeg": FileFacts(16, 158_000, "00")},
        loads=list(loads),
    )


def everything() -> Results:
    """One measurement of every kind."""
    made = results(load("tiny-32", "vigil", 150.0))
    made.limits.append(LimitMeasurement("tiny-32", 0, 400.0, 0.005, None))
    made.starts.append(StartMeasurement("vigil", "tiny", 0, 20.5))
    made.idle.append(IdleMeasurement("vigil", 0, 0.2, 2**31, 2**30, 30))
    samples = tuple(MemorySample(500 * count, 10**9) for count in range(1, 41))
    made.memory.append(MemoryMeasurement("vigil", samples))
    return made
