"""The rules of ``docs/architecture.md`` that import-linter does not express."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT)
    for package in ("serve_app", "deployments")
    for path in (ROOT / package).rglob("*.py")
)

RAY_SHELLS = {"app.py", "ingress.py", "deployment.py", "on_demand.py", "client.py"}
"""Thin shells, by their names."""
RAY_OTHERS = {
    Path("deployments/calls.py"),
    Path("deployments/classifier/routing.py"),
    Path("deployments/telemetry/ray_metrics.py"),
}
"""Ray's exceptions end in the one, its metrics begin in the other."""
AWAIT_HANDLES = {"client.py"}


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def attributes(path: Path) -> Iterator[tuple[str, str]]:
    """``name.attribute`` wherever it stands in a file."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr


def test_only_the_shells_know_ray() -> None:
    known = {path for path in SOURCES if "ray" in imported(path)}
    allowed = {path for path in SOURCES if path.name in RAY_SHELLS} | RAY_OTHERS
    assert known <= allowed


def test_only_the_edge_knows_fastapi() -> None:
    known = {path for path in SOURCES if imported(path) & {"fastapi", "starlette"}}
    assert {path.parts[0] for path in known} == {"serve_app"}


def test_what_all_replicas_wait_for_imports_nothing_that_takes_long() -> None:
    """The builder runs to its end before the first replica is started."""
    code = "import sys, serve_app.app; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    modules = set(result.stdout.split())
    assert "ray" in modules
    assert not modules & {"torch", "transformers", "PIL", "av", "cv2", "simplejpeg"}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_only_the_configuration_reads_the_environment(path: Path) -> None:
    reads = {("os", "environ"), ("os", "getenv")} & set(attributes(path))
    # The launcher runs beside the service: it hands the environment on to what it starts.
    if path != Path("serve_app/config.py") and path.parts[:2] != ("serve_app", "launcher"):
        assert not reads


def test_only_the_clients_call_a_handle() -> None:
    callers = {path for path in SOURCES if "remote" in {name for _, name in calls_of(path)}}
    assert callers
    assert {path.name for path in callers} <= AWAIT_HANDLES


def calls_of(path: Path) -> Iterator[tuple[ast.expr, str]]:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.value, node.func.attr
