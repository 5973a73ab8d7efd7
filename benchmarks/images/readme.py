"""Writes the README's performance section from the committed results files.

python -m benchmarks.images.readme            rewrite it
python -m benchmarks.images.readme --check    say whether it is up to date
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.goals import table
from benchmarks.images.goals import cpu, p50, rate, series, verdicts
from benchmarks.images.results import LoadMeasurement, Results, read
from benchmarks.images.scenarios import SCENARIOS, SERVERS, LoadScenario
from benchmarks.machine import ROOT
from benchmarks.readme import README, Section, main, measured_on, require_quotable
from benchmarks.statistics import spread

RESULTS = ROOT / "benchmarks" / "results" / "images.json"
_OTHERS = ("one", "base", "memory")
OTHER_RESULTS = tuple(RESULTS.with_name(f"images-{part}.json") for part in _OTHERS)
"""Of other runs of single scenarios, which are quoted for those instead; may be absent."""


def section(results: Results, chart: str | None) -> str:
    """The section's text on one run, without its markers.

    Args:
        results: A full run.
        chart: Path of the chart of images per second, from the README; None: without one.

    Raises:
        ValueError: A quick run, or one of a commit that cannot be looked up.
    """
    require_quotable(results.settings.quick, results.commit)
    parts = [
        _conditions(results),
        f"![Images per second]({chart})" if chart else "",
        _table(results) if results.loads else "",
        table(verdicts(results)),
    ]
    return "\n\n".join(filter(None, parts))


def sections(results: Results, others: Sequence[Results], chart: str) -> str:
    """The texts of a run and of others, whose scenarios are left out of the first.

    Args:
        results: A full run.
        others: Of single scenarios, each of its own.
        chart: As of `section`, of the full run.

    Raises:
        ValueError: As `section`.
    """
    for run in others:
        results = results.beyond(run)
    return "\n\n".join([section(results, chart), *(section(run, None) for run in others)])


def _conditions(results: Results) -> str:
    jpeg = results.files.get("jpeg")
    upload = f" Uploads: 1280×960 JPEG of {jpeg.mean_bytes / 1000:.0f} KB." if jpeg else ""
    packages = ("ray", "torch", "transformers", "fastapi", "litserve")
    named = ", ".join(f"{name} {results.versions[name]}" for name in packages)
    where = measured_on(results.date, results.commit, results.machine, named)
    if not results.repeats:
        return f"{where}."
    return (
        f"{where}; medians of {results.repeats} interleaved repeats, ± half the range. "
        f"Client and server share the cores.{upload} Only the ratios carry over to other machines."
    )


def _table(results: Results) -> str:
    rows = [
        "| scenario | system | images/s | p50 ms | p99 ms | CPU ms per image | memory MiB |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for scenario in SCENARIOS:
        if isinstance(scenario, LoadScenario):
            rows += [
                _row(results, scenario, system)
                for system in SERVERS
                if series(results, scenario.name, system, rate)
            ]
    return "\n".join(rows)


def _row(results: Results, scenario: LoadScenario, system: str) -> str:
    rates = spread(series(results, scenario.name, system, rate))
    name = f"**{system}**" if system == "vigil" else system
    cells = [
        scenario.title,
        name,
        f"{rates.median:.3g} ± {50 * rates.relative:.0f} %",
        *(
            f"{factor * spread(series(results, scenario.name, system, figure)).median:.3g}"
            for figure, factor in ((p50, 1000), (_p99, 1000), (cpu, 1000))
        ),
        f"{spread(series(results, scenario.name, system, _pss)).median / 2**20:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _p99(load: LoadMeasurement) -> float:
    return load.p99_seconds


def _pss(load: LoadMeasurement) -> float:
    return float(load.pss_bytes)


def _committed() -> str:
    chart = RESULTS.with_name(f"{RESULTS.stem}-throughput.svg").relative_to(ROOT)
    others = [read(path) for path in OTHER_RESULTS if path.exists()]
    return sections(read(RESULTS), others, str(chart))


SECTION = Section("images", README, _committed)


if __name__ == "__main__":
    sys.exit(main(SECTION))
