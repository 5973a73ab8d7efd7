"""A video results file's content, made up: round figures, so that ratios are worked out by eye."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.machine import Commit, Machine
from benchmarks.video.clips import SPEED, Clip
from benchmarks.video.results import (
    AdversarialOutcome,
    Agreement,
    ClipFacts,
    CostMeasurement,
    FairnessMeasurement,
    MemoryMeasurement,
    RecallBin,
    RecallPolicy,
    Results,
    Settings,
    SpeedMeasurement,
    StaticMeasurement,
    System,
)


def speed(
    system: System,
    seconds: float,
    *,
    clip: Clip = SPEED[0],
    model: str = "tiny",
    repeat: int = 0,
    finding: float | None = None,
    other_labels: int | None = None,
) -> SpeedMeasurement:
    return SpeedMeasurement(
        clip=clip.name,
        model=model,
        system=system,
        repeat=repeat,
        seconds=seconds,
        frames=clip.frames,
        cpu_seconds=1.5 * seconds,
        growth_bytes=10**8,
        frames_decoded=900,
        frames_classified=60,
        first_finding_seconds=finding,
        edge_error_seconds=0.05,
        agreement=None if other_labels is None else Agreement(150, other_labels, 0.01),
        compared_with=None if other_labels is None else "original",
    )


def recall(policy: str, low: float, high: float, found: int, error: float = 0.05) -> RecallBin:
    return RecallBin(policy, low, high, 40, found, error, error / 2, tuple(range(40 - found)))


def memory(clip: str, growth_bytes: int) -> MemoryMeasurement:
    return MemoryMeasurement(clip, "adaptive", 0, 3.0, 10**7, 10**9, growth_bytes)


def results(*made: SpeedMeasurement, quick: bool = False, modified: bool = False) -> Results:
    packages = ("ray", "torch", "transformers", "av", "opencv-python-headless")
    return Results(
        commit=Commit("0123456789abcdef0123456789abcdef01234567", modified),
        machine=Machine("A CPU", 2, ("avx2",), 8 * 2**30, "Linux 6.1", "3.11.7", 0.1),
        versions=dict.fromkeys(packages, "1.0"),
        settings=Settings(repeats=5, quick=quick),
        date="2026-01-02",
        speed=list(made),
    )


def everything() -> Results:
    """One measurement of every kind."""
    made = results(
        speed("original", 60.0),
        speed("bare_loop", 18.0),
        speed("every_frame", 20.0, other_labels=0),
        speed("adaptive", 4.0, finding=2.0),
    )
    made.run_seconds = 100.0
    made.clips["1080p-gop-60"] = ClipFacts(10**7, 60.0, 1800, 1920, 1080, 60, "00")
    made.static.append(StaticMeasurement(0, 60, 9, 54))
    made.memory.append(memory("360p-2-hours", 10**8))
    made.fairness.append(FairnessMeasurement("image", 0, 0.01, 0.02, 0.03, 0.05, 100))
    for gop, gap in ((1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (2.0, 2.0)):
        made.cost.append(CostMeasurement(gop, gap, 60.0, 63, 300, 60, 2.0))
    for policy, found in (("adaptive", 40), ("interval", 20)):
        made.recall += [recall(policy, 0.5, 1.0, found), recall(policy, 1.0, 2.0, found)]
        made.policies.append(RecallPolicy(policy, 80, 900.0, 60.0, 300.0, 1.5, 0))
    made.adversarial.append(AdversarialOutcome("drift", "adaptive", 5, 5, True))
    return made


def without(made: Results, *, parts: tuple[str, ...]) -> Results:
    return replace(made, **{part: [] for part in parts})
