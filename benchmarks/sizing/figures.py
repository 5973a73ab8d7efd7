"""The figures of `benchmarks.sizing.plan`, from the results files of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks.images import results as image_results
from benchmarks.video import results as video_results

IMAGES = "zero-32"
"""The scenario whose model costs nothing: what is left is the service's own work."""
SAMPLING: video_results.System = "adaptive"
"""The default of ``/v1/videos``."""
MODEL = "tiny"
"""The cheapest that videos are measured with; its own work is in the CPU time."""


class FiguresError(ValueError):
    """The results files do not hold what sizing needs."""


def image_cpu_seconds(path: Path) -> float:
    """CPU seconds of all processes for each 1280 × 960 JPEG, without a model: the median.

    Raises:
        FiguresError: Not measured, or only by a smoke test.
    """
    results = image_results.read(_present(path, "scripts/benchmark"))
    _meant(path, quick=results.settings.quick)
    found = [
        load.cpu_seconds_per_image
        for load in results.loads
        if (load.scenario, load.system) == (IMAGES, "vigil")
    ]
    _measured(path, f"the scenario {IMAGES}", found=bool(found))
    return median(found)


def video_seconds(path: Path) -> tuple[float, float]:
    """CPU seconds, and classified frames, for each second of video: the dearest clip's medians.

    Raises:
        FiguresError: Not measured, or only by a smoke test.
    """
    results = video_results.read(_present(path, "python -m benchmarks.video"))
    _meant(path, quick=results.settings.quick)
    made = [m for m in results.speed if (m.system, m.model) == (SAMPLING, MODEL)]
    _measured(path, f"{SAMPLING} with the model {MODEL}", found=bool(made))
    clips = {
        clip: [m for m in made if m.clip == clip] for clip in dict.fromkeys(m.clip for m in made)
    }
    costs = [
        (
            median(m.cpu_seconds for m in runs) / results.clips[clip].seconds,
            median(m.frames_classified for m in runs) / results.clips[clip].seconds,
        )
        for clip, runs in clips.items()
    ]
    return max(costs)


def _present(path: Path, command: str) -> Path:
    if not path.exists():
        raise FiguresError(f"{path} does not exist: {command} measures it")
    return path


def _meant(path: Path, *, quick: bool) -> None:
    if quick:
        raise FiguresError(f"{path} is of a smoke test: its figures mean nothing")


def _measured(path: Path, what: str, *, found: bool) -> None:
    if not found:
        raise FiguresError(f"{path} does not hold {what}")
