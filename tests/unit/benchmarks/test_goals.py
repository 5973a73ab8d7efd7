from __future__ import annotations

import pytest

from benchmarks.goals import Verdict
from benchmarks.images.goals import GOALS, verdicts
from benchmarks.images.report import scores_agree
from benchmarks.images.results import IdleMeasurement, LimitMeasurement, Results
from benchmarks.images.scenarios import SCENARIOS
from tests.unit.benchmarks.results import load, results


def verdict(made: Results, title: str) -> Verdict[Results]:
    (found,) = (v for v in verdicts(made) if v.goal.title == title)
    return found


def reached(made: Results, title: str) -> float | None:
    spread = verdict(made, title).reached
    return None if spread is None else spread.median


def test_a_ratio_is_taken_repeat_by_repeat() -> None:
    made = results(
        *(load("tiny-32", "fastapi", rate, repeat=i) for i, rate in enumerate((50, 40, 20))),
        *(load("tiny-32", "vigil", rate, repeat=i) for i, rate in enumerate((150, 120, 80))),
    )
    found = verdict(made, "tiny, 32 connections: images/s of fastapi")
    assert found.reached is not None
    assert (found.reached.median, found.reached.low, found.reached.high) == (3, 3, 4)
    assert found.holds


@pytest.mark.parametrize(("ours", "holds"), [(0.015, True), (0.016, False)])
def test_latency_is_to_be_at_most_half(ours: float, holds: bool) -> None:
    made = results(
        load("tiny-1", "fastapi", 30, p50_seconds=0.03),
        load("tiny-1", "vigil", 60, p50_seconds=ours),
    )
    assert verdict(made, "tiny, 1 connection: p50 of fastapi").holds is holds


def test_cpu_outside_decoding_is_what_the_decode_limit_leaves_in_milliseconds() -> None:
    made = results(load("zero-32", "vigil", 200, cpu_seconds_per_image=0.0085))
    made.limits.append(LimitMeasurement("zero-32", 0, 400, 0.006, None))
    title = "no model, 32 connections: CPU per image outside decoding and resizing"
    assert reached(made, title) == pytest.approx(2.5)


def test_the_model_limit_is_that_of_the_same_dtype() -> None:
    made = results(load("base-bfloat16-32", "vigil", 7.2))
    made.limits.append(LimitMeasurement("base-bfloat16-32", 0, 400, 0.006, 7.5))
    made.limits.append(LimitMeasurement("base-float32-32", 0, 400, 0.006, 3.6))
    assert reached(made, "ViT-B/16 bfloat16: images/s of the model limit") == pytest.approx(0.96)
    assert reached(made, "ViT-B/16 float32: images/s of the model limit") is None


def test_bfloat16_is_compared_with_the_original_which_runs_in_float32() -> None:
    made = results(load("base-bfloat16-32", "vigil", 6.0), load("base-auto-32", "original", 2.0))
    title = "ViT-B/16 bfloat16: images/s of original, which is float32"
    assert reached(made, title) == pytest.approx(3)


def test_idle_counts_what_the_application_adds_in_percent_of_a_core() -> None:
    made = results()
    made.idle += [
        IdleMeasurement("vigil", 0, 0.20, 1, 1, 30),
        IdleMeasurement("empty", 0, 0.175, 1, 1, 25),
    ]
    title = "idle: CPU beyond an empty Ray Serve application"
    assert reached(made, title) == pytest.approx(2.5)
    assert verdict(made, title).holds


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert [v.holds for v in verdicts(results())] == [None] * len(GOALS)


def test_a_system_that_missed_a_repeat_gives_no_ratio() -> None:
    made = results(
        load("tiny-32", "fastapi", 50),
        load("tiny-32", "vigil", 150),
        load("tiny-32", "vigil", 150, repeat=1),
    )
    assert reached(made, "tiny, 32 connections: images/s of fastapi") is None


def test_scores_are_judged_by_the_worst_scenario_of_vigil() -> None:
    made = results(
        load("tiny-32", "vigil", 150, worst=0.001),
        load("mixed-8", "vigil", 30, worst=0.03),
        load("tiny-32", "fastapi", 50, worst=0.5),
    )
    assert reached(made, "worst difference from the pipeline's scores") == 0.03
    assert not scores_agree(made)


def test_a_dtype_that_was_asked_for_may_differ_more() -> None:
    made = results(load("tiny-32", "vigil", 150), load("base-bfloat16-32", "vigil", 7, worst=0.05))
    assert scores_agree(made)


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
