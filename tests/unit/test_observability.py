"""The files for operators agree with the code: metrics, dashboard, alerts, documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from deployments.telemetry.catalog import CATALOG
from deployments.telemetry.metrics import Counter, Gauge, Metric

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"


def kind(metric: Metric) -> str:
    return (
        "counter"
        if isinstance(metric, Counter)
        else "gauge"
        if isinstance(metric, Gauge)
        else "histogram"
    )


def exported(metric: Metric) -> str:
    """As Prometheus sees it; of a histogram without the suffixes of its series."""
    return f"ray_{metric.name}" + ("_total" if isinstance(metric, Counter) else "")


def series_names() -> set[str]:
    names = set()
    for metric in CATALOG:
        name = exported(metric)
        if kind(metric) == "histogram":
            names |= {f"{name}_bucket", f"{name}_count"}  # not _sum: Ray makes it up
        else:
            names.add(name)
    return names


def expressions() -> Iterator[str]:
    dashboard = json.loads((OBSERVABILITY / "grafana" / "vigil.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def test_the_documentation_lists_every_metric_as_the_code_declares_it() -> None:
    text = (ROOT / "docs" / "observability.md").read_text()
    listed = re.findall(
        r"^\| `(ray_vigil_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$", text, re.MULTILINE
    )
    assert listed == [(exported(m), kind(m), ", ".join(m.labels), m.description) for m in CATALOG]


def test_every_metric_of_ours_in_a_query_exists() -> None:
    used = {name for e in expressions() for name in re.findall(r"\bray_vigil_\w+", e)}
    assert used - series_names() == set()


def test_the_documentations_queries_name_metrics_that_exist() -> None:
    text = (ROOT / "docs" / "observability.md").read_text()
    blocks = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    assert blocks
    used = {name for block in blocks for name in re.findall(r"\bray_vigil_\w+", block)}
    assert used - series_names() == set()


def test_every_label_of_ours_in_a_query_exists() -> None:
    declared = {label for metric in CATALOG for label in metric.labels}
    others = {"le", "job", "instance", "deployment", "code", "Location"}  # Prometheus', Ray's
    for expression in expressions():
        grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
        labels = {label.strip() for group in grouped for label in group.split(",")}
        assert labels <= declared | others, expression


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in {"critical", "warning", "info"}
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["description"]


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    dashboard = json.loads((OBSERVABILITY / "grafana" / "vigil.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_all_scrape_jobs_are_those_that_the_alerts_watch() -> None:
    config = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    monitor = yaml.safe_load((OBSERVABILITY / "kubernetes" / "podmonitor.yaml").read_text())
    replaced = {
        rule["replacement"]
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for rule in endpoint["relabelings"]
    }
    assert jobs == replaced == {"vigil", "vigil-haproxy"}
