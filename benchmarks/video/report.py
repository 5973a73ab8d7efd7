"""A run as text for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.statistics import spread
from benchmarks.video.goals import verdicts
from benchmarks.video.results import Results, SpeedMeasurement


def judges_alike(results: Results) -> bool:
    """Whether Vigil flagged the same frames as the systems that it was compared with."""
    return all(
        made.agreement.other_labels == 0 for made in results.speed if made.agreement is not None
    )


def text(results: Results) -> str:
    """Medians of every system and clip, recall by policy, then every goal."""
    lines = [*_speed(results), "", *_recall(results), ""]
    return "\n".join([*lines, *(verdict.line for verdict in verdicts(results))])


def _speed(results: Results) -> Iterable[str]:
    yield "model clip              system          frames/s        CPU s  decoded classified  +MB"
    keys = dict.fromkeys((made.model, made.clip, made.system) for made in results.speed)
    for model, clip, system in keys:
        own = [m for m in results.speed if (m.model, m.clip, m.system) == (model, clip, system)]

        def median(
            figure: Callable[[SpeedMeasurement], float], own: list[SpeedMeasurement] = own
        ) -> float:
            return spread([figure(made) for made in own]).median

        rates = spread([made.frames_per_second for made in own])
        yield (
            f"{model:5} {clip:17} {system:13} {rates.median:8.1f} ±{50 * rates.relative:3.0f} % "
            f"{median(lambda m: m.cpu_seconds):8.1f} {median(lambda m: m.frames_decoded):8.0f} "
            f"{median(lambda m: m.frames_classified):8.0f} "
            f"{median(lambda m: m.growth_bytes) / 1e6:6.0f}"
        )


def _recall(results: Results) -> Iterable[str]:
    for made in results.recall:
        yield (
            f"{made.policy:20} {made.at_least_seconds:5g} … {made.under_seconds:<5g} s: "
            f"{made.found:3} of {made.clips:3}"
        )
