"""The project's frame agrees with itself: lock, containers, README, documentation."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import vigil_cli.app
from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.video.fake import FakeVideoFinder
from serve_app.application import create_app
from serve_app.config import ENVIRONMENT_VARIABLES, resolve
from tests.readme import ADDRESS, CurlLine, curl_lines, shell_lines

ROOT = Path(__file__).parents[2]
BIN = Path(sysconfig.get_path("scripts"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = ROOT / "requirements" / "runtime.txt"
DEV = ROOT / "requirements" / "dev.txt"
CLIENT = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())["project"]
TARGETS = [
    {"python_version": version, "python_full_version": f"{version}.0", "platform_machine": machine}
    for version in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


def locked(path: Path) -> list[Requirement]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def versions(path: Path, target: dict[str, str]) -> dict[str, str]:
    """Name and version of what would be installed on a machine."""
    found: dict[str, str] = {}
    for requirement in locked(path):
        if requirement.marker is None or requirement.marker.evaluate(target):
            [specifier] = requirement.specifier
            assert specifier.operator == "==", requirement
            assert requirement.name not in found, requirement
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: "-".join(target.values()))
@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        (RUNTIME, PROJECT["dependencies"] + CLIENT["dependencies"]),
        (DEV, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]),
    ],
    ids=["runtime", "dev"],
)
def test_the_lock_has_a_version_that_pyproject_allows_for_every_dependency(
    lock: Path, declared: list[str], target: dict[str, str]
) -> None:
    pinned = versions(lock, target)
    for requirement in map(Requirement, declared):
        if requirement.marker is None or requirement.marker.evaluate(target):
            version = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement}: {version} is locked"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: "-".join(target.values()))
def test_the_tests_run_on_the_versions_that_production_runs(target: dict[str, str]) -> None:
    runtime, dev = versions(RUNTIME, target), versions(DEV, target)
    assert runtime.items() <= dev.items()


@pytest.mark.parametrize("lock", [RUNTIME, DEV], ids=["runtime", "dev"])
def test_the_lock_names_no_index_no_place_and_no_cuda(lock: Path) -> None:
    requirements = locked(lock)
    assert [r for r in requirements if r.url] == []
    assert not re.search(r"^\s*-|://|--hash", lock.read_text(), re.MULTILINE)
    assert [r.name for r in requirements if re.match("nvidia|cuda|triton", r.name)] == []


def test_service_and_client_have_the_same_version() -> None:
    assert CLIENT["version"] == PROJECT["version"]


def test_the_dockerfile_passes_its_linter() -> None:
    run_tool("hadolint", "Dockerfile")


@pytest.mark.parametrize(
    "name", ["docker-compose.yml", "docker-compose.gpu.yml", "docker-compose.observability.yml"]
)
def test_the_compose_file_follows_the_specification(name: str) -> None:
    run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", name)


def test_compose_passes_every_variable_of_the_service_on() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["vigil"]
    for variable in ENVIRONMENT_VARIABLES:
        assert service["environment"][variable].startswith(f"${{{variable}:-")
    assert "Falconsai/nsfw_image_detection" in service["environment"]["DEFAULT_MODEL_NAME"]
    assert any(volume.startswith("models:") for volume in service["volumes"])


def test_compose_waits_longer_than_the_launcher_drains() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["vigil"]
    drain_seconds = inspect.signature(vigil_cli.app.serve).parameters["drain_seconds"].default
    assert float(service["stop_grace_period"].removesuffix("s")) >= drain_seconds + 20


def test_the_image_takes_in_nothing_that_git_does_not_track() -> None:
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    sources = {source.split("/")[0] for line in copied for source in line.split()}
    assert sources == set(allowed)
    assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("line", shell_lines())
def test_every_command_of_the_readme_exists(line: str) -> None:
    words = [word for word in line.split() if not re.match(r"[A-Z_]+=", word)]
    if words[0].startswith("scripts/"):
        assert os.access(ROOT / words[0], os.X_OK)
    elif words[0].startswith(".venv/bin/"):
        assert Path(words[0]).name in PROJECT["scripts"]
    else:
        assert shutil.which(words[0]), f"{words[0]} is a command that the test does not know"


@pytest.fixture(scope="module")
def routes() -> dict[str, dict[str, dict[str, object]]]:
    app = create_app(resolve({}, {}), FakeClassifier([FAKE_MODEL]), FakeVideoFinder({}))
    paths: dict[str, dict[str, dict[str, object]]] = json.loads(json.dumps(app.openapi()))["paths"]
    return paths


@pytest.mark.parametrize("line", curl_lines(), ids=lambda line: line.path)
def test_every_curl_line_of_the_readme_fits_a_route(
    line: CurlLine, routes: dict[str, dict[str, dict[str, object]]]
) -> None:
    assert line.url.startswith(ADDRESS)
    operation = routes[line.path][line.method]
    known = {parameter["name"] for parameter in operation.get("parameters", [])}
    assert line.parameters <= known
    form = operation["requestBody"]["content"]["multipart/form-data"] if line.files else None
    for field, path in line.files:
        assert field in form["schema"]["properties"]
        assert path.is_file()


def test_the_readme_lists_every_route(
    routes: dict[str, dict[str, dict[str, object]]],
) -> None:
    text = (ROOT / "README.md").read_text()
    listed = set(re.findall(r"`(GET|POST) (/[\w/-]+)`", text))
    served = {(method.upper(), path) for path, methods in routes.items() for method in methods}
    assert listed == served - {("GET", "/")}


def test_the_readme_explains_every_environment_variable() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in ENVIRONMENT_VARIABLES if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_a_page_names_exists(name: str) -> None:
    page = ROOT / name
    text = page.read_text()
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    paths = re.findall(r"`((?:serve_app|deployments|scripts|tests|examples|docs)/[\w./-]*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def run_tool(name: str, *arguments: str) -> None:
    """Runs a linter of the dev requirements on files of the project."""
    done = subprocess.run(
        [BIN / name, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
