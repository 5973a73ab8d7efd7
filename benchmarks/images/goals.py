"""The goals of the image service, and whether a results file reaches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.goals import Goal, Verdict, judged
from benchmarks.images.agreement import MEDIAN_TOLERANCE, WORST_TOLERANCE
from benchmarks.images.results import LoadMeasurement, Results
from benchmarks.statistics import Spread, paired_ratio, spread

Figure = Callable[[LoadMeasurement], float]


def verdicts(results: Results) -> list[Verdict[Results]]:
    """One for every goal."""
    return judged(GOALS, results)


def series(results: Results, scenario: str, system: str, figure: Figure) -> list[float]:
    """A figure of every repeat, in order; empty where it was not measured."""
    chosen = [load for load in results.loads if (load.scenario, load.system) == (scenario, system)]
    return [figure(load) for load in sorted(chosen, key=lambda load: load.repeat)]


def rate(load: LoadMeasurement) -> float:
    """Images per second."""
    return load.images_per_second


def p50(load: LoadMeasurement) -> float:
    """Median latency in seconds."""
    return load.p50_seconds


def cpu(load: LoadMeasurement) -> float:
    """CPU seconds per image."""
    return load.cpu_seconds_per_image


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread | None:
    return paired_ratio(ours, theirs) if ours and len(ours) == len(theirs) else None


def _against(
    scenario: str, system: str, figure: Figure = rate, other: str | None = None
) -> Callable[[Results], Spread | None]:
    """Vigil's figure over another system's, in the same scenario or in ``other``."""
    return lambda results: _ratio(
        series(results, scenario, "vigil", figure),
        series(results, other or scenario, system, figure),
    )


def _of_model_limit(scenario: str) -> Callable[[Results], Spread | None]:
    def ratio(results: Results) -> Spread | None:
        limits = [limit for limit in results.limits if limit.scenario == scenario]
        rates = [
            limit.model_images_per_second
            for limit in sorted(limits, key=lambda limit: limit.repeat)
            if limit.model_images_per_second is not None
        ]
        return _ratio(series(results, scenario, "vigil", rate), rates)

    return ratio


def _cpu_outside_decoding(results: Results) -> Spread | None:
    limits = [limit for limit in results.limits if limit.scenario == "zero-32"]
    decoding = [
        limit.decode_cpu_seconds_per_image
        for limit in sorted(limits, key=lambda limit: limit.repeat)
    ]
    ours = series(results, "zero-32", "vigil", cpu)
    if not ours or len(ours) != len(decoding):
        return None
    return spread([1000 * (a - b) for a, b in zip(ours, decoding, strict=True)])


def _idle_beyond_empty(results: Results) -> Spread | None:
    by_system = {
        system: [idle.cpu_cores for idle in results.idle if idle.system == system]
        for system in ("vigil", "empty")
    }
    if not by_system["vigil"] or len(by_system["vigil"]) != len(by_system["empty"]):
        return None
    pairs = zip(by_system["vigil"], by_system["empty"], strict=True)
    return spread([100 * (a - b) for a, b in pairs])


def _memory_growth(results: Results) -> Spread | None:
    growth = [memory.growth_bytes / 1e6 for memory in results.memory if memory.system == "vigil"]
    return spread(growth) if growth else None


def _disagreement(
    figure: Callable[[LoadMeasurement], float],
) -> Callable[[Results], Spread | None]:
    """The worst of all scenarios with the default dtype."""

    def worst(results: Results) -> Spread | None:
        values = [
            figure(load)
            for load in results.loads
            if load.system == "vigil" and not load.scenario.startswith("base-bfloat16")
        ]
        return Spread(max(values), min(values), max(values), len(values)) if values else None

    return worst


GOALS: Sequence[Goal[Results]] = (
    Goal(
        "tiny, 32 connections: images/s of fastapi",
        3,
        "at least",
        "×",
        _against("tiny-32", "fastapi"),
    ),
    Goal(
        "tiny, 32 connections: images/s of litserve",
        3,
        "at least",
        "×",
        _against("tiny-32", "litserve"),
    ),
    Goal(
        "tiny, 32 connections: images/s of original",
        10,
        "at least",
        "×",
        _against("tiny-32", "original"),
    ),
    Goal(
        "tiny, 32 connections: images/s of ideal",
        0.85,
        "at least",
        "×",
        _against("tiny-32", "ideal"),
    ),
    Goal(
        "tiny, 1 connection: p50 of fastapi",
        0.5,
        "at most",
        "×",
        _against("tiny-1", "fastapi", p50),
    ),
    Goal(
        "no model, 32 connections: images/s of litserve",
        1.2,
        "at least",
        "×",
        _against("zero-32", "litserve"),
    ),
    Goal(
        "no model, 32 connections: CPU per image outside decoding and resizing",
        3,
        "at most",
        "ms",
        _cpu_outside_decoding,
    ),
    Goal(
        "mixed files, 8 connections: images/s of fastapi",
        2,
        "at least",
        "×",
        _against("mixed-8", "fastapi"),
    ),
    Goal(
        "ViT-B/16: images/s of the model limit",
        0.95,
        "at least",
        "×",
        _of_model_limit("base-auto-32"),
    ),
    Goal(
        "ViT-B/16: images/s of original, which is float32",
        3,
        "at least",
        "×",
        _against("base-auto-32", "original"),
    ),
    Goal(
        "ViT-B/16 float32: images/s of the model limit",
        0.95,
        "at least",
        "×",
        _of_model_limit("base-float32-32"),
    ),
    Goal(
        "ViT-B/16 bfloat16: images/s of the model limit",
        0.95,
        "at least",
        "×",
        _of_model_limit("base-bfloat16-32"),
    ),
    Goal(
        "ViT-B/16 bfloat16: images/s of original, which is float32",
        3,
        "at least",
        "×",
        _against("base-bfloat16-32", "original", rate, "base-auto-32"),
    ),
    Goal(
        "64 files a request: images/s of one file a request",
        1.3,
        "at least",
        "×",
        _against("multi-4", "vigil", rate, "tiny-32"),
    ),
    Goal(
        "idle: CPU beyond an empty Ray Serve application",
        3,
        "at most",
        "% of a core",
        _idle_beyond_empty,
    ),
    Goal("growth of memory over 20,000 requests", 50, "at most", "MB", _memory_growth),
    Goal(
        "median difference from the pipeline's scores",
        MEDIAN_TOLERANCE,
        "at most",
        "",
        _disagreement(lambda load: load.agreement.median),
    ),
    Goal(
        "worst difference from the pipeline's scores",
        WORST_TOLERANCE,
        "at most",
        "",
        _disagreement(lambda load: load.agreement.worst),
    ),
)
