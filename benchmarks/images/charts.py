"""Draws the charts of a results file.

python -m benchmarks.images.charts benchmarks/results/images.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from benchmarks.images.goals import Figure, cpu, p50, rate, series
from benchmarks.images.results import Results, read
from benchmarks.images.scenarios import SCENARIOS, SERVERS, LoadScenario, SystemName
from benchmarks.statistics import Spread, spread

COLOURS: dict[SystemName, str] = {
    "original": "#b8b8b8",
    "fastapi": "#8fb8de",
    "litserve": "#a58fd6",
    "ideal": "#8ccf9d",
    "bare": "#e8b04a",
    "vigil": "#e4572e",
}


def draw(results: Results, directory: Path, stem: str) -> list[Path]:
    """One SVG a figure, for those that were measured; the same results give the same bytes."""
    charts = (
        ("throughput", "Images per second (more is better)", rate, 1.0),
        ("latency", "Median latency in milliseconds (less is better)", p50, 1000.0),
        ("cpu", "CPU milliseconds per image, all processes (less is better)", cpu, 1000.0),
    )
    paths = []
    for name, title, figure, factor in charts:
        path = directory / f"{stem}-{name}.svg"
        _draw(results, title, figure, factor, path)
        paths.append(path)
    return paths


def _draw(results: Results, title: str, figure: Figure, factor: float, path: Path) -> None:
    """Small multiples, one a scenario: their figures lie orders of magnitude apart."""
    measured = {load.scenario for load in results.loads}
    scenarios = [
        scenario
        for scenario in SCENARIOS
        if isinstance(scenario, LoadScenario) and scenario.name in measured
    ]
    columns = min(3, len(scenarios))
    rows = -(-len(scenarios) // columns)
    with mpl.rc_context({"svg.hashsalt": "vigil", "svg.fonttype": "none", "font.size": 9}):
        canvas = Canvas(figsize=(3.6 * columns, 2.3 * rows + 0.4), layout="constrained")
        canvas.suptitle(title)
        for index, scenario in enumerate(scenarios):
            bars = {
                system: spread([factor * value for value in values])
                for system in SERVERS
                if (values := series(results, scenario.name, system, figure))
            }
            axes = canvas.add_subplot(rows, columns, index + 1)
            axes.set_title(scenario.title, fontsize=9)
            axes.barh(
                list(bars),
                [bar.median for bar in bars.values()],
                xerr=_errors(list(bars.values())),
                color=[COLOURS[system] for system in bars],
                error_kw={"lw": 1, "capsize": 2},
            )
            axes.invert_yaxis()
            axes.spines[["top", "right"]].set_visible(False)
            for row, bar in enumerate(bars.values()):
                axes.annotate(
                    f" {bar.median:.3g}", (bar.high, row), va="center", annotation_clip=False
                )
            axes.margins(x=0.18)
        canvas.savefig(path, metadata={"Date": None})


def _errors(bars: Sequence[Spread]) -> list[list[float]]:
    """From the median down to the lowest and up to the highest repeat."""
    return [
        [bar.median - bar.low for bar in bars],
        [bar.high - bar.median for bar in bars],
    ]


def main() -> None:
    """Draw beside the results file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    path: Path = parser.parse_args().results
    for chart in draw(read(path), path.parent, path.stem):
        print(chart)


if __name__ == "__main__":
    main()
