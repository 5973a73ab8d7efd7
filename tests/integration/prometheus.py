"""Debian's Prometheus with the project's configuration, against a service of the tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from tests.assets.ports import free_port
from tests.integration.service import ROOT, Service, descendants

OBSERVABILITY = ROOT / "observability"
START_SECONDS = 60


def program(name: str) -> str:
    """Path of one of the package's programs; without it the test skips, and under CI fails."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed; scripts/install-debian installs it"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return path


@dataclass(frozen=True)
class Prometheus:
    url: str

    def query(self, expression: str) -> dict[str, float]:
        """Series and their values now; NaN is what a ratio without events gives."""
        answer = httpx.get(
            f"{self.url}/api/v1/query", params={"query": expression}, timeout=30
        ).json()
        assert answer["status"] == "success", (expression, answer)
        return {
            json.dumps(series["metric"], sort_keys=True): float(series["value"][1])
            for series in answer["data"]["result"]
        }

    def targets(self) -> dict[str, list[str]]:
        """Health of every target, by job."""
        found: dict[str, list[str]] = {}
        answer = httpx.get(f"{self.url}/api/v1/targets", timeout=30).json()
        for target in answer["data"]["activeTargets"]:
            found.setdefault(target["labels"]["job"], []).append(target["health"])
        return found


@contextmanager
def scraping(service: Service, folder: Path) -> Iterator[Prometheus]:
    """The project's configuration, with this service's files and ports and a short interval."""
    config = (OBSERVABILITY / "prometheus.yml").read_text()
    variables = service_environment(service)
    for default, here in (
        ("/tmp/ray/", f"{session_folder(service)}/"),  # noqa: S108 - Ray's place
        ("$1:9101", f"$1:{variables['RAY_SERVE_HAPROXY_METRICS_PORT']}"),
        ("interval: 15s", "interval: 1s"),
    ):
        assert default in config
        config = config.replace(default, here)
    # Another service on the machine may have Ray's fixed ports open.
    yaml.safe_load(config)
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(OBSERVABILITY / "alerts.yml", folder)
    port = free_port()
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        give_up = time.monotonic() + START_SECONDS
        while not _is_ready(url):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < give_up, log.read_text()[-2000:]
            time.sleep(0.1)
        yield Prometheus(url)
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def session_folder(service: Service) -> Path:
    """Where the service's Ray keeps its files."""
    return Path(_raylet_options(service)["--session_dir"])


def logs(service: Service, deployment: str) -> str:
    """What the replicas of a deployment logged."""
    folder = session_folder(service) / "logs" / "serve"
    files = sorted(folder.glob(f"replica_classification_{deployment}_*.log"))
    return "".join(file.read_text() for file in files)


def service_environment(service: Service) -> dict[str, str]:
    """Environment of the service's HAProxy, and so of whatever Serve started."""
    for pid in descendants(service.process.pid):
        if (Path("/proc") / str(pid) / "comm").read_text().strip() == "haproxy":
            environ = (Path("/proc") / str(pid) / "environ").read_bytes().decode().split("\0")
            return dict(line.split("=", 1) for line in environ if "=" in line)
    raise AssertionError("no HAProxy among the service's processes")


def _raylet_options(service: Service) -> dict[str, str]:
    for pid in descendants(service.process.pid):
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes().decode().split("\0")
        if words[0].endswith("/raylet"):
            return dict(word.split("=", 1) for word in words if "=" in word)
    raise AssertionError("no raylet among the service's processes")


def expressions() -> dict[str, str]:
    """Every query of the dashboard and of the alerts; those of alerts without their threshold."""
    found = {}
    dashboard = json.loads((OBSERVABILITY / "grafana" / "vigil.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            # What Grafana puts in its place: at least four scrapes. Here Ray's ten seconds count.
            expression = target["expr"].replace("$__rate_interval", "1m")
            found[f"{panel['title']} {target['refId']}"] = expression
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            expression, threshold = _cut_threshold(rule["expr"])
            assert threshold, rule["alert"]
            found[rule["alert"]] = expression
    return found


def _cut_threshold(expression: str) -> tuple[str, str]:
    """An alert's expression and the comparison at its end."""
    match = re.fullmatch(r"(?s)(.*\S)\s+((?:==|<|>)\s*[\d.]+)\s*", expression)
    assert match is not None, expression
    return match[1], match[2]
