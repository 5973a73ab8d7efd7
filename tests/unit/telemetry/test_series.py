"""What clients name cannot make series without end."""

from __future__ import annotations

import pytest

from deployments.telemetry.catalog import CATALOG, FLAGGED_FRAMES, FRAMES
from deployments.telemetry.metrics import MemoryMetrics
from deployments.telemetry.series import OTHER, SeriesBound


def test_series_beyond_the_bound_are_recorded_together() -> None:
    bound = SeriesBound(max_series=2)
    assert bound.admit(FRAMES, ("a",)) == ("a",)
    assert bound.admit(FRAMES, ("b",)) == ("b",)
    assert bound.admit(FRAMES, ("c",)) == (OTHER,)
    assert bound.admit(FRAMES, ("a",)) == ("a",)


def test_each_metric_has_a_bound_of_its_own() -> None:
    bound = SeriesBound(max_series=1)
    assert bound.admit(FRAMES, ("a",)) == ("a",)
    assert bound.admit(FLAGGED_FRAMES, ("a", "nsfw")) == ("a", "nsfw")
    assert bound.admit(FLAGGED_FRAMES, ("b", "nsfw")) == (OTHER, OTHER)


def test_no_two_metrics_share_a_name() -> None:
    names = [metric.name for metric in CATALOG]
    assert len(set(names)) == len(names)


def test_serves_own_labels_are_left_to_serve() -> None:
    reserved = {"deployment", "replica", "application", "le"}
    assert [metric.name for metric in CATALOG if reserved & set(metric.labels)] == []


def test_the_tests_metrics_refuse_labels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="labels"):
        MemoryMetrics().count(FRAMES, 1)
