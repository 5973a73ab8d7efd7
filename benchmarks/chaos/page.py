"""``python -m benchmarks.chaos.page``: writes the table of ``docs/reliability.md``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.chaos.table import Row, text_of
from benchmarks.machine import ROOT, Commit
from benchmarks.readme import Section, main, require_quotable

RESULTS = ROOT / "benchmarks" / "results" / "chaos.json"
PAGE = ROOT / "docs" / "reliability.md"
FULL_SECONDS = 60.0
"""For each fault, in a run that may be quoted."""

_FIGURES = {
    "capacity_per_second": "answered at capacity: {:.0f}/s",
    "offered_per_second": "offered: {:.0f}/s",
    "p99_ratio": "p99 of accepted requests: {:.1f} × at capacity",
    "p99_seconds_refused": "p99 of refusals: {:.2f} s",
    "memory_growth_bytes": "memory grew by {:.3g} bytes",
    "seconds_to_full_speed": "full speed after {:.1f} s",
}


def text(path: Path) -> str:
    """The table and what was measured beside it.

    Raises:
        ValueError: The run may not be quoted.
    """
    content = json.loads(path.read_text())
    commit = Commit(**content["commit"])
    require_quotable(content["seconds"] < FULL_SECONDS, commit)
    for row in content["rows"]:
        del row["holds"]
    rows = [Row(**row) for row in content["rows"]]
    machine = content["machine"]
    lines = [
        f"Commit `{commit.hash[:12]}`, {machine['cores']} cores of {machine['cpu']}, "
        f"{content['seconds']:g} s for each fault.",
        "",
        text_of(rows),
    ]
    for row in rows:
        told = [form.format(row.figures[name]) for name, form in _FIGURES.items() if row.figures]
        lines += ["", f"{row.fault}: {', '.join(told)}."] if told else []
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(Section("chaos", PAGE, lambda: text(RESULTS))))
