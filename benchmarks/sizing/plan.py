"""The arithmetic of sizing. A pure function of `Figures`, `Demand` and `Prices`."""

from __future__ import annotations

import math
from dataclasses import dataclass

SECONDS_PER_DAY = 86_400
HOURS_PER_MONTH = 730.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What one unit of work takes, measured."""

    cpu_seconds_per_image: float
    """HTTP, decoding, resizing and the way to the model; without the model."""
    cpu_seconds_per_video_second: float
    """All processes, for each second of video."""
    frames_per_video_second: float
    """Frames that are classified, for each second of video."""
    model_frames_per_second: float
    """Of one model replica, kept busy."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The load."""

    images_per_second: float
    """At the peak."""
    video_hours_per_day: float
    video_peak_factor: float = 3.0
    """The busiest hour's video over the day's mean."""
    utilisation: float = 0.6
    """Share of what a machine can do that is planned for: the rest is for bursts and lost hosts."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Of an hour."""

    cpu: float
    """One CPU, with its memory."""
    model_replica: float
    """A GPU, where models run on one; else its CPUs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run at the peak."""

    image_cpus: float
    video_cpus: float
    frames_per_second: float
    """All that reach the model."""
    model_replicas: int
    cost_per_month: float
    """Of everything running all the time; autoscaling makes it less."""

    @property
    def cpus(self) -> int:
        """Of the CPU group, whole ones."""
        return math.ceil(self.image_cpus + self.video_cpus)


def plan(figures: Figures, demand: Demand, prices: Prices) -> Plan:
    """Divide the work by what is planned of a machine, and round up.

    Raises:
        ValueError: A utilisation that is not in (0, 1], or a model without a rate.
    """
    if not 0 < demand.utilisation <= 1:
        raise ValueError(f"{demand.utilisation} is no utilisation: more than 0, 1 at most")
    if figures.model_frames_per_second <= 0:
        raise ValueError("a model replica needs a rate greater than 0")
    mean_video_seconds = demand.video_hours_per_day * 3600 / SECONDS_PER_DAY
    video_seconds_per_second = mean_video_seconds * demand.video_peak_factor
    image_cpus = demand.images_per_second * figures.cpu_seconds_per_image / demand.utilisation
    video_cpus = (
        video_seconds_per_second * figures.cpu_seconds_per_video_second / demand.utilisation
    )
    frames = demand.images_per_second + video_seconds_per_second * figures.frames_per_video_second
    replicas = math.ceil(frames / figures.model_frames_per_second / demand.utilisation)
    cpus = math.ceil(image_cpus + video_cpus)
    hourly = cpus * prices.cpu + replicas * prices.model_replica
    return Plan(image_cpus, video_cpus, frames, replicas, hourly * HOURS_PER_MONTH)
