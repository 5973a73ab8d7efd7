"""The commands of ``docs/operations.md`` are those that the cluster tests and the manifests run."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from serve_app.config import FRONT_GATE_VARIABLE
from tests.cluster.ray_cluster import (
    DETECT_LOST_NODES,
    GIVE_CONNECTIONS_UP,
    SURVIVE_THE_HEAD,
    serve_config,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
EXPORTED = {
    name: value.strip('"')
    for name, value in re.findall(r'((?:RAY|GOMP)_\w+)=("[^"]*"|[\w.:]+)', PAGE)
}
OPERATORS_CHOICE = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"
"""It follows what stands in front of the cluster."""


def test_the_page_exports_what_serve_config_yaml_sets() -> None:
    wanted = serve_config()["controller_options"]["runtime_env"]["env_vars"]
    assert OPERATORS_CHOICE in EXPORTED
    printed = {FRONT_GATE_VARIABLE: "$(python -m serve_app.front_gate)"}
    for name, value in (wanted | printed).items():
        if name != OPERATORS_CHOICE:
            assert EXPORTED[name] == value


def test_the_page_and_the_manifests_export_what_the_cluster_tests_ran_with() -> None:
    tried = DETECT_LOST_NODES | SURVIVE_THE_HEAD
    assert tried.items() <= EXPORTED.items()
    assert f"sysctl -w {GIVE_CONNECTIONS_UP}" in PAGE
    manifest = yaml.safe_load((ROOT / "kubernetes" / "rayservice.yaml").read_text())
    for group in manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        [container] = group["template"]["spec"]["containers"]
        given = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert tried.items() <= given.items()


def test_every_file_that_the_page_names_exists() -> None:
    paths = re.findall(r"`((?:serve_app|scripts|tests|docs|kubernetes)/[\w./-]*)`", PAGE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
