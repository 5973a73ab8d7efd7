"""Writes the README's performance section from a committed results file.

python -m benchmarks.images.readme            rewrite it
python -m benchmarks.images.readme --check    say whether it is up to date
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.images.goals import Verdict, cpu, p50, rate, series, verdicts
from benchmarks.images.results import LoadMeasurement, Results, read
from benchmarks.images.scenarios import SCENARIOS, SERVERS, LoadScenario
from benchmarks.machine import ROOT
from benchmarks.statistics import spread

BEGIN = "<!-- benchmarks: images -->"
END = "<!-- /benchmarks: images -->"
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "images.json"


def section(results: Results, chart: str) -> str:
    """The section's text, without its markers.

    Args:
        results: A full run.
        chart: Path of the chart of images per second, from the README.

    Raises:
        ValueError: A quick run, or one of a commit that cannot be looked up.
    """
    if results.settings.quick:
        raise ValueError("a quick run proves nothing and is not quoted")
    if results.commit.modified:
        raise ValueError("the run measured files that differ from its commit, and is not quoted")
    parts = [_conditions(results), f"![Images per second]({chart})", _table(results)]
    if reached := [verdict for verdict in verdicts(results) if verdict.reached]:
        parts.append(_goals(reached))
    return "\n\n".join(parts)


def replaced(document: str, text: str) -> str:
    """The document with another text between the markers.

    Raises:
        ValueError: The markers are not there exactly once, in order.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise ValueError(f"the document must have {BEGIN} and {END} once each")
    head, rest = document.split(BEGIN)
    _, separator, tail = rest.partition(END)
    if not separator:
        raise ValueError(f"{END} must come after {BEGIN}")
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}"


def _conditions(results: Results) -> str:
    machine, files = results.machine, results.files
    jpeg = files.get("jpeg")
    upload = f" Uploads: 1280×960 JPEG of {jpeg.mean_bytes / 1000:.0f} KB." if jpeg else ""
    packages = ("ray", "torch", "transformers", "fastapi", "litserve")
    named = ", ".join(f"{name} {results.versions[name]}" for name in packages)
    return (
        f"Measured on {results.date} at commit `{results.commit.hash[:12]}` on {machine.cores} "
        f"cores of {machine.cpu} ({machine.memory_bytes / 2**30:.0f} GiB, Python {machine.python}, "
        f"{named}); medians of {results.settings.repeats} interleaved repeats, ± half the range. "
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


def _goals(reached: Sequence[Verdict]) -> str:
    rows = ["| goal | wanted | reached (lowest – highest repeat) | |", "|---|--:|--:|---|"]
    for verdict in reached:
        goal, value = verdict.goal, verdict.reached
        assert value is not None
        sign = "≥" if goal.direction == "at least" else "≤"
        unit = f" {goal.unit}" if goal.unit else ""
        rows.append(
            f"| {goal.title} | {sign} {goal.bound:g}{unit} | {value.median:.3g}{unit} "
            f"({value.low:.3g} – {value.high:.3g}) | {'✓' if verdict.holds else 'missed'} |"
        )
    return "\n".join(rows)


def main() -> int:
    """Rewrite or check.

    Returns:
        0, or 1 where ``--check`` found another text.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    chart = RESULTS.with_name(f"{RESULTS.stem}-throughput.svg").relative_to(ROOT)
    before = README.read_text(encoding="utf-8")
    after = replaced(before, section(read(RESULTS), str(chart)))
    if given.check:
        if before != after:
            print("README.md: the performance section is not what the results file says")
        return int(before != after)
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
