"""Policies by name."""

from __future__ import annotations

import pytest

from deployments.errors import InvalidParameterError
from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.named import Sampling, SamplingSettings, policy_named
from deployments.video.sampling.steady import Interval, Keyframes


@pytest.mark.parametrize("name", list(Sampling))
def test_every_name_has_the_policy_of_that_name(name: Sampling) -> None:
    policy = policy_named(name, SamplingSettings())
    assert policy.name == name
    assert policy.follows_pictures == (name is Sampling.ADAPTIVE)


def test_settings_reach_the_policy() -> None:
    settings = SamplingSettings(
        max_gap_seconds=2, interval_seconds=3, edge_seconds=0.5, uncertain_band=0.2, seed=9
    )
    assert policy_named(Sampling.INTERVAL, settings) == Interval(3)
    assert policy_named(Sampling.KEYFRAMES, settings) == Keyframes(2)
    assert policy_named(Sampling.ADAPTIVE, settings) == Adaptive(2, 0.5, 0.2, 9)


@pytest.mark.parametrize("name", ["max_gap_seconds", "interval_seconds", "edge_seconds"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_times_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidParameterError, match=name):
        SamplingSettings(**{name: value})


def test_a_band_outside_the_scores_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="uncertain_band"):
        SamplingSettings(uncertain_band=1.5)
