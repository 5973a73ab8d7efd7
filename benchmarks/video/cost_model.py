"""What `adaptive` costs, for combinations that were measured and models that were not. Pure.

A video is decoded while its looks are classified, so the dearer of the two decides. With the model
``tiny`` the time is measured. With another one it is the longer of that and of what the
model takes for the frames classified, at the rate it reached with ``every_frame``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from benchmarks.video.clips import BASE_SHORT, SPEED
from benchmarks.video.goals import rate, series
from benchmarks.video.results import CostMeasurement, Results

MODELS = ("tiny", "base")


def combinations(results: Results) -> list[CostMeasurement]:
    """Medians over the repeats, one for each length of groups and gap."""
    members: defaultdict[tuple[float, float], list[CostMeasurement]] = defaultdict(list)
    for made in results.cost:
        members[made.gop_seconds, made.max_gap_seconds].append(made)
    return [_median(own) for own in members.values()]


def frames_per_second(results: Results, model: str) -> float | None:
    """What the model classifies with ``every_frame``; None where it was not measured."""
    clip = SPEED[0] if model == "tiny" else BASE_SHORT
    rates = series(results, clip, "every_frame", rate, model)
    return median(rates) if rates else None


def with_rates(costs: Results, speeds: Results) -> Results:
    """A run's costs with the rates that models reached in another run."""
    return replace(costs, speed=speeds.speed)


def predicted_seconds(results: Results, model: str, made: CostMeasurement) -> float:
    """Seconds of one combination.

    Args:
        results: With the rate of ``model``, unless that is ``tiny``.
        model: One of `MODELS`.
        made: The combination.

    Raises:
        ValueError: The model's rate was not measured.
    """
    if model == "tiny":
        return made.seconds
    reached = frames_per_second(results, model)
    if reached is None:
        raise ValueError(f"this run did not measure {model!r}")
    return max(made.seconds, made.frames_classified / reached)


def _median(own: Sequence[CostMeasurement]) -> CostMeasurement:
    return CostMeasurement(
        gop_seconds=own[0].gop_seconds,
        max_gap_seconds=own[0].max_gap_seconds,
        video_seconds=own[0].video_seconds,
        looks=round(median(made.looks for made in own)),
        frames_decoded=round(median(made.frames_decoded for made in own)),
        frames_classified=round(median(made.frames_classified for made in own)),
        seconds=median(made.seconds for made in own),
    )
