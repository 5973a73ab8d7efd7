"""The sizing calculator: its arithmetic, and where its figures come from."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.images import results as image_results
from benchmarks.machine import Commit, Machine
from benchmarks.sizing import __main__ as command
from benchmarks.sizing.figures import FiguresError, image_cpu_seconds, video_seconds
from benchmarks.sizing.plan import Demand, Figures, Prices, plan
from benchmarks.video import results as video_results
from benchmarks.video.clips import SPEED
from tests.unit.benchmarks.results import load, results
from tests.unit.benchmarks.video_results import speed

FIGURES = Figures(
    cpu_seconds_per_image=0.01,
    cpu_seconds_per_video_second=0.5,
    frames_per_video_second=2.0,
    model_frames_per_second=100.0,
)


def test_images_and_videos_add_up() -> None:
    demand = Demand(100.0, video_hours_per_day=24.0, video_peak_factor=2.0, utilisation=0.5)
    made = plan(FIGURES, demand, Prices(cpu=0.1, model_replica=1.0))
    assert made.image_cpus == pytest.approx(100 * 0.01 / 0.5)
    assert made.video_cpus == pytest.approx(2 * 0.5 / 0.5)
    assert made.cpus == 4
    assert made.frames_per_second == pytest.approx(100 + 2 * 2)
    assert made.model_replicas == 3
    assert made.cost_per_month == pytest.approx((4 * 0.1 + 3 * 1.0) * 730)


@pytest.mark.parametrize("utilisation", [0.0, 1.1, -1.0])
def test_an_impossible_utilisation_is_refused(utilisation: float) -> None:
    with pytest.raises(ValueError, match="utilisation"):
        plan(FIGURES, Demand(1.0, 0.0, utilisation=utilisation), Prices(0.0, 0.0))


def test_a_model_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        plan(replace(FIGURES, model_frames_per_second=0.0), Demand(1.0, 0.0), Prices(0.0, 0.0))


def videos(*made: video_results.SpeedMeasurement, quick: bool = False) -> video_results.Results:
    clips = {
        clip.name: video_results.ClipFacts(10**6, seconds, clip.frames, 640, 360, 50, "00")
        for clip, seconds in zip(SPEED, (30.0, 300.0), strict=False)
    }
    return video_results.Results(
        commit=Commit("0" * 40, False),
        machine=Machine("A CPU", 2, (), 2**33, "Linux 6.1", "3.11.7", 0.1),
        versions={},
        settings=video_results.Settings(repeats=1, quick=quick),
        date="2026-01-02",
        clips=clips,
        speed=list(made),
    )


def test_an_image_costs_the_median_without_a_model(tmp_path: Path) -> None:
    file = tmp_path / "images.json"
    loads = [
        load("zero-32", "vigil", 100, repeat=n, cpu_seconds_per_image=cost)
        for n, cost in enumerate((0.004, 0.006, 0.020))
    ]
    others = [
        load("zero-32", "fastapi", 50, cpu_seconds_per_image=1.0),
        load("tiny-32", "vigil", 9),
    ]
    image_results.write(results(*loads, *others), file)
    assert image_cpu_seconds(file) == 0.006


def test_a_second_of_video_costs_what_the_dearest_clip_does(tmp_path: Path) -> None:
    file = tmp_path / "video.json"
    short, long = speed("adaptive", 6.0, clip=SPEED[0]), speed("adaptive", 30.0, clip=SPEED[1])
    video_results.write(videos(short, long, speed("every_frame", 99.0)), file)
    cpu, frames = video_seconds(file)
    assert cpu == pytest.approx(1.5 * 6 / 30)
    assert frames == pytest.approx(60 / 30)


def test_figures_that_are_missing_or_mean_nothing_are_not_made_up(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    with pytest.raises(FiguresError, match="scripts/benchmark measures it"):
        image_cpu_seconds(file)
    image_results.write(results(load("zero-32", "vigil", 100), quick=True), file)
    with pytest.raises(FiguresError, match="smoke test"):
        image_cpu_seconds(file)
    image_results.write(results(load("tiny-32", "vigil", 100)), file)
    with pytest.raises(FiguresError, match="zero-32"):
        image_cpu_seconds(file)
    video_results.write(videos(speed("api", 1.0)), file)
    with pytest.raises(FiguresError, match="adaptive"):
        video_seconds(file)


def test_the_command_reads_only_what_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "images.json"
    image_results.write(results(load("zero-32", "vigil", 100, cpu_seconds_per_image=0.006)), file)
    words = ["--images-per-second=50", "--model-frames-per-second=20", f"--images={file}"]
    missing = f"--videos={tmp_path / 'none.json'}"
    monkeypatch.setattr(sys, "argv", ["sizing", *words, "--video-hours-per-day=0", missing])
    assert command.main() == 0
    assert "models:   5 replicas for 50.0 frames/s" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["sizing", *words, "--video-hours-per-day=1", missing])
    assert command.main() == 1
    assert "none.json does not exist" in capsys.readouterr().err
