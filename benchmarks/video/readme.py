"""Writes what documents say of the video service's performance, from the committed results file.

python -m benchmarks.video.readme            rewrite it
python -m benchmarks.video.readme --check    say whether it is up to date
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.goals import table
from benchmarks.machine import ROOT
from benchmarks.readme import README, Section, main, measured_on, require_quotable
from benchmarks.statistics import spread
from benchmarks.video.clips import BASE, BASE_SHORT, CLEAR, SHORT, SPEED, Clip
from benchmarks.video.cost_model import (
    MODELS,
    combinations,
    frames_per_second,
    predicted_seconds,
    with_rates,
)
from benchmarks.video.goals import rate, series, verdicts
from benchmarks.video.results import Results, System, read

RESULTS = ROOT / "benchmarks" / "results" / "video.json"
SAMPLING_RESULTS = RESULTS.with_name("video-sampling.json")
"""Of a run of the parts that show what samplings find and cost; may be absent."""
MEMORY_RESULTS = RESULTS.with_name("video-memory.json")
"""Of a run of the parts on memory and fairness; may be absent."""
COST_PAGE = ROOT / "docs" / "video-cost.md"

_ROWS: tuple[tuple[str, Clip, System], ...] = (
    *(("tiny", SHORT, system) for system in ("original", "every_frame", "api")),
    *(
        ("tiny", clip, system)
        for clip in (*SPEED, CLEAR)
        for system in ("bare_loop", "every_frame", "keyframes", "adaptive")
    ),
    ("base", BASE_SHORT, "every_frame"),
    ("base", BASE, "adaptive"),
)


def section(results: Results, charts: str) -> str:
    """The README's section, without its markers; what was not measured is left out.

    Args:
        results: A run.
        charts: What the paths of its charts begin with, from the README.

    Raises:
        ValueError: A quick run, or one of a commit that cannot be looked up.
    """
    require_quotable(results.settings.quick, results.commit)
    repeats = (
        f"; medians of {results.settings.repeats} interleaved repeats, ± half the range. "
        "Client and service share the cores"
        if results.speed
        else ""
    )
    parts = [
        f"{_where(results)}{repeats}.",
        _chart(results, charts),
        "\n".join(_speeds(results)),
        "\n".join(_policies(results)),
        table(verdicts(results)),
    ]
    return "\n\n".join(filter(None, parts))


def cost_section(results: Results, speeds: Results | None = None) -> str:
    """The figures of the page on costs, with the chart that `benchmarks.video.charts` put there.

    Args:
        results: A run.
        speeds: Another one that has the models' rates; None: they are in the same.

    Raises:
        ValueError: As `section`.
    """
    require_quotable(results.settings.quick, results.commit)
    if not results.cost:
        return "The run on record did not measure them."
    chart = "![Cost of adaptive](images/video-cost.svg)"
    where = f"{_where(results)}."
    if speeds is not None:
        require_quotable(speeds.settings.quick, speeds.commit)
        where += f"\n\nThe rate of `base`: {_where(speeds)[0].lower()}{_where(speeds)[1:]}."
        results = with_rates(results, speeds)
    return "\n\n".join([where, chart, "\n".join(_costs(results))])


def _where(results: Results) -> str:
    packages = ("ray", "torch", "av")
    named = ", ".join(f"{name} {results.versions[name]}" for name in packages)
    return measured_on(results.date, results.commit, results.machine, named)


def _chart(results: Results, charts: str) -> str:
    if results.recall:
        return f"![Speed against recall]({charts}-recall.svg)"
    return f"![Frames of the video per second]({charts}-speed.svg)" if results.speed else ""


def _speeds(results: Results) -> Iterable[str]:
    if not results.speed:
        return
    yield "| model | video | system | frames/s of the video | CPU s | decoded | classified |"
    yield "|---|---|---|--:|--:|--:|--:|"
    for model, clip, system in _ROWS:
        rates = series(results, clip, system, rate, model)
        if rates:
            reached = spread(rates)
            name = system if system in ("original", "bare_loop") else f"**{system}**"
            figures = (
                spread(series(results, clip, system, lambda made: made.cpu_seconds, model)),
                spread(series(results, clip, system, lambda made: made.frames_decoded, model)),
                spread(series(results, clip, system, lambda made: made.frames_classified, model)),
            )
            yield (
                f"| {model} | {clip.seconds} s, {clip.title} | {name} "
                f"| {reached.median:.3g} ± {50 * reached.relative:.0f} % "
                f"| {figures[0].median:.3g} | {figures[1].median:.0f} | {figures[2].median:.0f} |"
            )


def _policies(results: Results) -> Iterable[str]:
    lengths = list(dict.fromkeys((b.at_least_seconds, b.under_seconds) for b in results.recall))
    if not lengths:
        return
    titles = " | ".join(f"{low:g}–{high:g} s" for low, high in lengths)
    clips = results.policies[0].clips
    yield f"Found of the flagged intervals of {clips} clips, in %, by their length:"
    yield ""
    yield f"| policy | classified a minute | {titles} |"
    yield f"|---|--:|{'--:|' * len(lengths)}"
    for policy in results.policies:
        shares = [
            f"{100 * found.found / found.clips:.0f}"
            for found in results.recall
            if found.policy == policy.policy
        ]
        yield f"| {policy.policy} | {policy.classified_per_minute:.0f} | {' | '.join(shares)} |"


def _costs(results: Results) -> Iterable[str]:
    models = [m for m in MODELS if m == "tiny" or frames_per_second(results, m)]
    titles = " | ".join(f"s, {model}" for model in models)
    yield f"| keyframe every | gap | looks | decoded | classified | {titles} |"
    yield f"|--:|--:|--:|--:|--:|{'--:|' * len(models)}"
    for made in combinations(results):
        seconds = " | ".join(f"{predicted_seconds(results, model, made):.3g}" for model in models)
        yield (
            f"| {made.gop_seconds:.3g} s | {made.max_gap_seconds:g} s | {made.looks} "
            f"| {made.frames_decoded} | {made.frames_classified} | {seconds} |"
        )


def _charts(results: Path) -> str:
    return results.with_suffix("").relative_to(ROOT).as_posix()


def _committed() -> str:
    candidates = (RESULTS, SAMPLING_RESULTS, MEMORY_RESULTS)
    runs = [path for path in candidates if path.exists()]
    return "\n\n".join(section(read(path), _charts(path)) for path in runs)


def _committed_costs() -> str:
    if SAMPLING_RESULTS.exists():
        return cost_section(read(SAMPLING_RESULTS), read(RESULTS))
    return cost_section(read(RESULTS))


SECTIONS = (
    Section("video", README, _committed),
    Section("video-cost", COST_PAGE, _committed_costs),
)


if __name__ == "__main__":
    sys.exit(main(*SECTIONS))
