r"""How many CPUs and model replicas a load takes, and what they cost:

    python -m benchmarks.sizing --images-per-second 50 --video-hours-per-day 200 \
        --model-frames-per-second 900 --cpu-hour 0.05 --replica-hour 1.2

What images and videos take is read from the results files of the benchmarks, measured on a machine
like yours. What your model does on your device is yours to measure: see ``docs/operations.md``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.sizing.figures import (
    IMAGES,
    SAMPLING,
    FiguresError,
    image_cpu_seconds,
    video_seconds,
)
from benchmarks.sizing.plan import Demand, Figures, Plan, Prices, plan

RESULTS = ROOT / "benchmarks" / "results"


def main() -> int:
    """Print the plan; 1 where figures are missing."""
    options = _options()
    try:
        figures = _figures(options)
        demand = Demand(
            options.images_per_second,
            options.video_hours_per_day,
            options.video_peak_factor,
            options.utilisation,
        )
        made = plan(figures, demand, Prices(options.cpu_hour, options.replica_hour))
    except (FiguresError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report(figures, demand, made))
    return 0


def report(figures: Figures, demand: Demand, made: Plan) -> str:
    """The plan, with the figures that it follows from."""
    lines = [
        f"measured: {1000 * figures.cpu_seconds_per_image:.1f} ms of CPU an image ({IMAGES}); "
        f"{1000 * figures.cpu_seconds_per_video_second:.0f} ms of CPU and "
        f"{figures.frames_per_video_second:.2f} frames a second of video ({SAMPLING})",
        f"given:    {figures.model_frames_per_second:g} frames/s a model replica, "
        f"{demand.utilisation:.0%} of each machine planned for",
        f"CPUs:     {made.cpus} ({made.image_cpus:.1f} images, {made.video_cpus:.1f} videos)",
        f"models:   {made.model_replicas} replicas for {made.frames_per_second:.1f} frames/s",
        f"cost:     {made.cost_per_month:,.0f} a month, all of it running all the time",
    ]
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--images-per-second", type=float, required=True, help="at the peak")
    add("--video-hours-per-day", type=float, required=True)
    add("--model-frames-per-second", type=float, required=True, help="of one busy replica")
    add("--cpu-hour", type=float, default=0.0, help="price of a CPU with its memory")
    add("--replica-hour", type=float, default=0.0, help="price of a model replica")
    add("--video-peak-factor", type=float, default=3.0, help="busiest hour over the day's mean")
    add("--utilisation", type=float, default=0.6, help="share of each machine to plan for")
    add("--images", type=Path, default=RESULTS / "images.json", help="results of benchmarks.images")
    add("--videos", type=Path, default=RESULTS / "video.json", help="results of benchmarks.video")
    return parser.parse_args()


def _figures(options: argparse.Namespace) -> Figures:
    """Only what is asked about is read: without videos no results of videos are needed."""
    image = image_cpu_seconds(options.images) if options.images_per_second else 0.0
    video = video_seconds(options.videos) if options.video_hours_per_day else (0.0, 0.0)
    return Figures(image, *video, options.model_frames_per_second)


if __name__ == "__main__":
    sys.exit(main())
