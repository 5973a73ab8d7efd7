"""Draws the charts of a results file.

python -m benchmarks.video.charts benchmarks/results/video.json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from benchmarks.machine import ROOT
from benchmarks.statistics import spread
from benchmarks.video.cost_model import (
    MODELS,
    combinations,
    frames_per_second,
    predicted_seconds,
    with_rates,
)
from benchmarks.video.goals import rate, series
from benchmarks.video.results import CostMeasurement, RecallPolicy, Results, System, read
from benchmarks.video.speed import TINY_PLAN

COST_CHART = ROOT / "docs" / "images" / "video-cost.svg"
"""Where the documentation's site, which sees nothing outside of its folder, finds it."""

COLOURS: dict[System, str] = {
    "original": "#b8b8b8",
    "bare_loop": "#8ccf9d",
    "every_frame": "#e4572e",
    "api": "#f2a48f",
    "adaptive": "#8c2d10",
}
_POLICY_COLOURS = ("#b8b8b8", "#f2a48f", "#e4572e", "#8c2d10", "#8fb8de", "#1d5a92")
_SHADES = ("#c8ddef", "#9cc3e2", "#6ba3d0", "#3f7fb5", "#1d5a92", "#0b3a66", "#04203c")


def draw(results: Results, directory: Path, stem: str, rates: Results | None = None) -> list[Path]:
    """One SVG for each part that was measured; the same results give the same bytes.

    Args:
        results: A run.
        directory: Where they go.
        stem: What their names begin with.
        rates: Another run that has the models' rates, for the costs; None: they are in the same.
    """
    costs = results if rates is None else with_rates(results, rates)
    charts: Sequence[tuple[str, bool, Callable[[Canvas], None]]] = (
        ("speed", bool(results.speed), partial(_speed, results)),
        ("recall", bool(results.recall), partial(_recall, results)),
        ("cost", bool(results.cost), partial(_cost, costs)),
    )
    paths = []
    for name, is_measured, chart in charts:
        if is_measured:
            path = directory / f"{stem}-{name}.svg"
            with mpl.rc_context({"svg.hashsalt": "vigil", "svg.fonttype": "none", "font.size": 9}):
                canvas = Canvas(layout="constrained")
                chart(canvas)
                canvas.savefig(path, metadata={"Date": None})
            paths.append(path)
    return paths


def _speed(results: Results, canvas: Canvas) -> None:
    """Frames of the clip per second, one row of axes a clip."""
    plans = [
        (clip, rows)
        for clip, systems in TINY_PLAN
        if (
            rows := {
                s: v for s in systems if s in COLOURS and (v := series(results, clip, s, rate))
            }
        )
    ]
    canvas.set_size_inches(7, 1.5 * len(plans) + 0.5)
    canvas.suptitle("Frames of the video per second, tiny, 1080p30 (more is better)")
    for row, (clip, rates) in enumerate(plans):
        axes = canvas.add_subplot(len(plans), 1, row + 1)
        bars = [spread(values) for values in rates.values()]
        axes.barh(
            list(rates),
            [bar.median for bar in bars],
            xerr=[[b.median - b.low for b in bars], [b.high - b.median for b in bars]],
            color=[COLOURS[system] for system in rates],
            error_kw={"lw": 1, "capsize": 2},
        )
        axes.set_title(f"{clip.seconds} s, {clip.title}", fontsize=9)
        axes.invert_yaxis()
        for place, bar in enumerate(bars):
            axes.annotate(f" {bar.median:.3g}", (bar.high, place), va="center")
        axes.margins(x=0.15)
        _plain(axes)


def _recall(results: Results, canvas: Canvas) -> None:
    """Recall by the length of the interval; and speed against recall of short intervals."""
    canvas.set_size_inches(10, 3.8)
    by_length, by_cost = canvas.subplots(1, 2)
    by_length.set_title("Found, by the length of the flagged interval", fontsize=9)
    by_cost.set_title("Speed against recall of intervals under 1 s", fontsize=9)
    lengths = dict.fromkeys((b.at_least_seconds, b.under_seconds) for b in results.recall)
    for place, policy in enumerate(sorted(results.policies, key=_classified)):
        colour = _POLICY_COLOURS[place % len(_POLICY_COLOURS)]
        bins = [made for made in results.recall if made.policy == policy.policy]
        by_length.plot(
            [f"{made.at_least_seconds:g}–{made.under_seconds:g}" for made in bins],
            [100 * made.found / made.clips for made in bins],
            marker="o",
            color=colour,
            label=policy.policy,
        )
        short = [made for made in bins if made.under_seconds <= 1]
        if clips := sum(made.clips for made in short):
            found = 100 * sum(made.found for made in short) / clips
            by_cost.plot([_classified(policy)], [found], marker="o", color=colour)
            by_cost.annotate(
                f" {policy.policy}",
                (_classified(policy), found),
                rotation=-35,
                va="top",
                fontsize=7,
            )
    by_length.set_xlabel("seconds")
    by_length.tick_params(axis="x", labelsize=7)
    by_length.legend(fontsize=7)
    by_cost.set_xscale("log")
    by_cost.set_xlabel("frames classified per minute of video")
    by_cost.margins(x=0.25)
    for axes in (by_length, by_cost):
        axes.set_ylabel("% of intervals found")
        axes.set_ylim(0, 104)
        _plain(axes)
    by_length.set_xlim(-0.3, len(lengths) - 0.7)


def _classified(policy: RecallPolicy) -> float:
    return policy.classified_per_minute


def _cost(results: Results, canvas: Canvas) -> None:
    """Looks and decoded frames, and seconds for each model, over the length of the groups."""
    panels: list[tuple[str, Callable[[CostMeasurement], float]]] = [
        ("frames classified", lambda made: made.frames_classified),
        ("frames decoded", lambda made: made.frames_decoded),
    ]
    panels += [
        (f"seconds, {model}", partial(predicted_seconds, results, model))
        for model in MODELS
        if model == "tiny" or frames_per_second(results, model)
    ]
    canvas.set_size_inches(3.2 * len(panels), 3)
    canvas.suptitle("adaptive: cost of a minute in which nothing is found")
    cells = combinations(results)
    gaps = sorted({made.max_gap_seconds for made in cells})
    for place, (title, figure) in enumerate(panels):
        axes = canvas.add_subplot(1, len(panels), place + 1)
        for gap, shade in zip(gaps, _SHADES[::2], strict=False):
            own = sorted(
                (made for made in cells if made.max_gap_seconds == gap),
                key=lambda made: made.gop_seconds,
            )
            axes.plot(
                [made.gop_seconds for made in own],
                [figure(made) * 60 / made.video_seconds for made in own],
                marker="o",
                color=shade,
                label=f"gap {gap:g} s",
            )
        axes.set_title(title, fontsize=9)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("seconds between keyframes")
        _plain(axes)
        if place == 0:
            axes.legend(fontsize=7)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw beside the results file; but what a page of the documentation shows, beside the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument(
        "--rates", type=Path, help="results file with the models' rates, for the costs' chart"
    )
    given = parser.parse_args()
    path: Path = given.results
    rates = read(given.rates) if given.rates else None
    for chart in draw(read(path), path.parent, path.stem, rates):
        shown = COST_CHART if chart.stem.endswith("-cost") else chart
        print(chart.rename(shown))


if __name__ == "__main__":
    main()
