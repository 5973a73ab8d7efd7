"""A run as text for the terminal."""

from __future__ import annotations

from benchmarks.images.goals import cpu, p50, rate, series, verdicts
from benchmarks.images.results import LoadMeasurement, Results
from benchmarks.statistics import spread

EXPLICIT_DTYPES = ("base-bfloat16",)
"""Scenarios that ask for a dtype which is not the default: their scores may differ more."""


def scores_agree(results: Results) -> bool:
    """Whether every measurement of Vigil with default settings is within the tolerances."""
    return all(
        load.agreement.holds
        for load in results.loads
        if load.system == "vigil" and not load.scenario.startswith(EXPLICIT_DTYPES)
    )


def text(results: Results) -> str:
    """Medians of every system and scenario, then the goals that were measured."""
    lines = [_HEADER]
    for scenario, system in dict.fromkeys((load.scenario, load.system) for load in results.loads):
        rates = spread(series(results, scenario, system, rate))
        latencies = spread(series(results, scenario, system, p50))
        costs = spread(series(results, scenario, system, cpu))
        worst = max(series(results, scenario, system, _worst))
        lines.append(
            f"{scenario:18} {system:9} {rates.median:8.1f}  ±{50 * rates.relative:3.0f} % "
            f"{1000 * latencies.median:9.1f} {1000 * costs.median:9.1f}  {worst:.1e}"
        )
    measured = [verdict for verdict in verdicts(results) if verdict.holds is not None]
    return "\n".join([*lines, "", *(verdict.line for verdict in measured)])


_HEADER = "scenario           system    images/s           p50 ms    CPU ms  worst score difference"


def _worst(load: LoadMeasurement) -> float:
    return load.agreement.worst
