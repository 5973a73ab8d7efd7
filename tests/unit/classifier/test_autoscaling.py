"""The autoscaling policy as a function of the load, and the meter that reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from deployments.classifier.autoscaling import FramesPolicy, frames_of_model
from deployments.classifier.load_meter import LoadMeter


@dataclass
class Context:
    """As much of Serve's context as the policy reads."""

    target_num_replicas: int = 1
    running_replicas: tuple[str, ...] = ("a",)
    total_queued_requests: float = 0.0
    aggregated_metrics: Mapping[str, Mapping[object, float]] | None = field(default_factory=dict)


def reported(**frames_and_calls: tuple[float, float]) -> dict[str, dict[object, float]]:
    return {
        "frames": {replica: frames for replica, (frames, _) in frames_and_calls.items()},
        "calls": {replica: calls for replica, (_, calls) in frames_and_calls.items()},
    }


def wanted(target_frames: float = 32, **context: object) -> float:
    replicas, state = FramesPolicy(target_frames)(Context(**context))  # type: ignore[arg-type]
    assert state == {}
    return replicas


@pytest.mark.parametrize(("frames", "replicas"), [(0, 0), (16, 0.5), (32, 1), (33, 33 / 32)])
def test_the_frames_of_one_replica_over_the_target(frames: float, replicas: float) -> None:
    assert wanted(aggregated_metrics=reported(a=(frames, 1))) == replicas


def test_one_call_of_many_frames_is_more_load_than_many_calls_of_one() -> None:
    one_call = wanted(aggregated_metrics=reported(a=(96, 1)))
    many_calls = wanted(aggregated_metrics=reported(a=(8, 8)))
    assert one_call == 3
    assert many_calls == 0.25


def test_the_load_is_the_sum_over_the_replicas() -> None:
    context = {"running_replicas": ("a", "b", "c"), "target_num_replicas": 3}
    metrics = reported(a=(40, 2), b=(8, 1), c=(0, 0))
    assert wanted(**context, aggregated_metrics=metrics) == 1.5


def test_calls_that_no_replica_has_taken_count_like_those_that_one_has() -> None:
    metrics = reported(a=(64, 2))
    assert wanted(total_queued_requests=4, aggregated_metrics=metrics) == (64 + 4 * 32) / 32


@pytest.mark.parametrize(("held", "calls"), [(0.0, 0.0), (0.5, 4.0)])
def test_a_waiting_call_carries_at_least_one_frame(held: float, calls: float) -> None:
    assert frames_of_model(held, calls, queued_calls=10) == held + 10


@pytest.mark.parametrize("metrics", [None, {}, reported(a=(0, 0))])
def test_a_replica_that_has_not_reported_keeps_the_number_from_falling(
    metrics: dict[str, dict[object, float]] | None,
) -> None:
    context = Context(2, ("a", "b"), 0.0, metrics)
    assert FramesPolicy(32)(context) == (2, {})


def test_a_replica_that_has_not_reported_does_not_keep_it_from_rising() -> None:
    context = Context(2, ("a", "b"), 0.0, reported(a=(320, 10)))
    assert FramesPolicy(32)(context) == (10, {})


def test_the_meter_counts_calls_while_they_last_with_what_waits_behind_them() -> None:
    meter = LoadMeter()
    items = [np.zeros((n, 4, 4, 3), np.uint8) for n in (1, 3)]
    with meter.call(items, waiting_frames=2.5):
        with meter.call(items[:1], waiting_frames=0.1):
            assert meter.stats() == {"frames": pytest.approx(7.6), "calls": 2}
        assert meter.stats() == {"frames": pytest.approx(6.5), "calls": 1}
    assert meter.stats() == {"frames": 0, "calls": 0}


def test_the_meter_forgets_calls_that_fail() -> None:
    meter = LoadMeter()
    with pytest.raises(ZeroDivisionError), meter.call([], waiting_frames=9):
        raise ZeroDivisionError
    assert meter.stats() == {"frames": 0, "calls": 0}
