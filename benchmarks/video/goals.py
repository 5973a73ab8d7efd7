"""The goals of the video service, and whether a results file reaches them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.goals import Goal, Verdict, judged
from benchmarks.statistics import Spread, paired_ratio, spread
from benchmarks.video.clips import BASE, BASE_SHORT, CLEAR, MEMORY, SHORT, SPEED, Clip
from benchmarks.video.results import RecallBin, Results, SpeedMeasurement, System

Figure = Callable[[SpeedMeasurement], float]
Measured = Callable[[Results], Spread | None]
_GOP_60, _GOP_600, _GOP_30 = SPEED
_GAP_SECONDS = 1.0
_EDGE_SECONDS = 0.1
_CLOCK_SECONDS = 0.002
"""Containers round times to milliseconds."""


def verdicts(results: Results) -> list[Verdict[Results]]:
    """One for every goal."""
    return judged(GOALS, results)


def series(
    results: Results, clip: Clip, system: System, figure: Figure, model: str = "tiny"
) -> list[float]:
    """A figure of every repeat, in order; empty where it was not measured."""
    key = (clip.name, system, model)
    chosen = [made for made in results.speed if (made.clip, made.system, made.model) == key]
    return [figure(made) for made in sorted(chosen, key=lambda made: made.repeat)]


def rate(made: SpeedMeasurement) -> float:
    """Frames of the clip per second, looked at or not."""
    return made.frames_per_second


def _ratio(
    ours: tuple[Clip, System],
    theirs: tuple[Clip, System],
    figure: Figure = rate,
    model: str = "tiny",
) -> Measured:
    def ratio(results: Results) -> Spread | None:
        a, b = (series(results, *one, figure, model) for one in (ours, theirs))
        return paired_ratio(a, b) if a and len(a) == len(b) else None

    return ratio


def _disagreements(results: Results) -> Spread | None:
    """Frames that ``every_frame`` or ``/api`` flag otherwise than what they are compared with."""
    found = [
        float(made.agreement.other_labels) for made in results.speed if made.agreement is not None
    ]
    return Spread(max(found), min(found), max(found), len(found)) if found else None


def _saved(results: Results) -> Spread | None:
    values = [
        100 * (1 - made.adaptive_classified / made.interval_classified) for made in results.static
    ]
    return spread(values) if values else None


def _first_hit(results: Results) -> Spread | None:
    shares = [
        100 * made.first_finding_seconds / made.seconds
        for made in results.speed
        if made.system == "adaptive"
        and made.clip == _GOP_60.name
        and made.model == "tiny"
        and made.first_finding_seconds is not None
    ]
    return spread(shares) if shares else None


def _after_finding(results: Results) -> Spread | None:
    """How long a run that is to stop goes on after its finding."""
    values = [
        made.seconds - made.first_finding_seconds
        for made in results.speed
        if made.system == "adaptive_stop" and made.first_finding_seconds is not None
    ]
    return spread(values) if values else None


def _memory(clip: Clip) -> Measured:
    def growth(results: Results) -> Spread | None:
        values = [
            (made.growth_bytes - made.upload_bytes) / 1e6
            for made in results.memory
            if made.clip == clip.name and made.sampling == "adaptive"
        ]
        return spread(values) if values else None

    return growth


def _recall(least_seconds: float, under_seconds: float, policy: str = "adaptive") -> Measured:
    def share(results: Results) -> Spread | None:
        bins = _bins(results, policy, least_seconds, under_seconds)
        clips = sum(made.clips for made in bins)
        return spread([100 * sum(made.found for made in bins) / clips]) if clips else None

    return share


def _edge_error(results: Results) -> Spread | None:
    errors = [
        made.worst_edge_error_seconds
        for made in _bins(results, "adaptive", 0, float("inf"))
        if made.worst_edge_error_seconds is not None
    ]
    return Spread(max(errors), min(errors), max(errors), len(errors)) if errors else None


def _bins(results: Results, policy: str, least: float, under: float) -> list[RecallBin]:
    return [
        made
        for made in results.recall
        if made.policy == policy and made.at_least_seconds >= least and made.under_seconds <= under
    ]


def _hostile(policy: str, only_required: bool) -> Measured:
    def missed(results: Results) -> Spread | None:
        own = [
            made
            for made in results.adversarial
            if made.policy == policy and (made.must_be_found or not only_required)
        ]
        return spread([float(sum(made.runs - made.found for made in own))]) if own else None

    return missed


def _speed_goals() -> Sequence[Goal[Results]]:
    every: System = "every_frame"
    adaptive: System = "adaptive"
    return (
        *(
            Goal(
                f"every_frame, tiny, {clip.title}: frames/s of the bare loop",
                0.85,
                "at least",
                "×",
                _ratio((clip, every), (clip, "bare_loop")),
            )
            for clip in (_GOP_60, _GOP_600)
        ),
        Goal(
            "every_frame, tiny: frames/s of the original's algorithm",
            3,
            "at least",
            "×",
            _ratio((_GOP_60, every), (SHORT, "original")),
        ),
        Goal(
            "frames or first frames that are flagged otherwise than by the original or the loop",
            0,
            "at most",
            "",
            _disagreements,
        ),
        Goal(
            f"adaptive, tiny, {_GOP_60.title}: speed of every_frame",
            3,
            "at least",
            "×",
            _ratio((_GOP_60, adaptive), (_GOP_60, every)),
        ),
        *(
            Goal(
                f"adaptive, tiny, {clip.title}: speed of every_frame",
                10,
                "at least",
                "×",
                _ratio((clip, adaptive), (clip, every)),
            )
            for clip in (CLEAR, _GOP_30)
        ),
        Goal(
            f"adaptive, ViT-B/16, {BASE.title}: speed of every_frame",
            10,
            "at least",
            "×",
            _ratio((BASE, adaptive), (BASE_SHORT, every), rate, "base"),
        ),
    )


GOALS: Sequence[Goal[Results]] = (
    *_speed_goals(),
    Goal("static camera: classifications saved against interval", 80, "at least", "%", _saved),
    Goal(
        "first finding of what begins at half the video", 60, "at most", "% of the run", _first_hit
    ),
    Goal("run that stops on its first finding: time after it", 1, "at most", "s", _after_finding),
    *(
        Goal(
            f"memory over idle, beyond the upload: {clip.name.removeprefix('360p-')}",
            300,
            "at most",
            "MB",
            _memory(clip),
        )
        for clip in MEMORY
    ),
    Goal(
        "recall of adaptive, intervals from the gap on",
        100,
        "at least",
        "%",
        _recall(_GAP_SECONDS, float("inf")),
    ),
    Goal(
        "recall of adaptive, from half the gap to the gap",
        95,
        "at least",
        "%",
        _recall(_GAP_SECONDS / 2, _GAP_SECONDS),
    ),
    Goal(
        "recall of every_frame, all intervals",
        100,
        "at least",
        "%",
        _recall(0, float("inf"), "every_frame"),
    ),
    Goal(
        "edges found by adaptive: worst error",
        _EDGE_SECONDS + _CLOCK_SECONDS,
        "at most",
        "s",
        _edge_error,
    ),
    Goal(
        "adversarial clips that adaptive missed",
        0,
        "at most",
        "runs",
        _hostile("adaptive", only_required=True),
    ),
    Goal(
        "adversarial clips that every_frame missed",
        0,
        "at most",
        "runs",
        _hostile("every_frame", only_required=False),
    ),
)
