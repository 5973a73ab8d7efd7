"""The service under test: the shipped configuration with two replicas of everything."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Request
from benchmarks.machine import ROOT, tool
from benchmarks.servers import HOST, Command, Server, free_port, running
from benchmarks.vigil_config import Yaml, arguments_of, let_in, shipped
from benchmarks.vigil_server import write_config

_TITLE = "ray::ServeReplica:classification:"
DEPLOY_SECONDS = 240.0
MODEL = "model-builtin-demo"
INGRESS = "Ingress"
VIDEO = "VideoClassifier"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service, and what can be done to it."""

    server: Server
    folder: Path
    config: dict[str, Yaml]
    credentials: Mapping[str, str]
    """What Ray asks of those who deploy, as environment variables."""

    @property
    def port(self) -> int:
        """Where clients find it."""
        return self.server.port

    def replicas(self, deployment: str) -> list[int]:
        """Processes of a deployment's replicas, the oldest first."""
        return self._processes(lambda line: line.startswith(_TITLE + deployment))

    def decoders(self) -> list[int]:
        """The processes that decode videos."""
        return self._processes(lambda line: "deployments.video.decoding.worker" in line)

    def kill(self, pid: int) -> None:
        """End a process of it as a crash does."""
        if pid in self.server.family.command_lines():
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop, as an orchestrator does."""
        for pid in self._processes(lambda line: tool("vigil") in line):
            os.kill(pid, signal.SIGTERM)

    def redeploy(self, **model: Yaml) -> None:
        """Change the model's settings in the configuration, and deploy it; ends once it runs.

        Raises:
            RuntimeError: It cannot be deployed.
        """
        config = deepcopy(self.config)
        models = arguments_of(config)["models"]
        assert isinstance(models, list)
        assert isinstance(models[0], dict)
        models[0].update(model)
        folder = self.folder / "redeployed"
        folder.mkdir(exist_ok=True)
        path = write_config(folder, config)
        log = (self.folder / "service.log").read_text()
        # Between the two Ray puts the codes of a terminal's colours.
        found = re.search(r"dashboard at \S*?(http://127\.0\.0\.1:\d+)", log)
        assert found, "the log does not say where the dashboard is"
        deployed = subprocess.run(
            [tool("serve"), "deploy", "--address", found[1], str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, **self.credentials},
        )
        if deployed.returncode:
            raise RuntimeError(f"serve deploy failed: {deployed.stdout[-2000:]}")
        deadline = time.monotonic() + DEPLOY_SECONDS
        while (status := self._status(found[1])) != "RUNNING":
            if status == "DEPLOY_FAILED" or time.monotonic() > deadline:
                raise RuntimeError(f"the deployed configuration is {status}")
            time.sleep(0.5)

    def _status(self, dashboard: str) -> str:
        connection = http.client.HTTPConnection(dashboard.removeprefix("http://"), timeout=30)
        token = self.credentials["RAY_AUTH_TOKEN"]
        try:
            path = "/api/serve/applications/"
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            details = json.load(connection.getresponse())
        finally:
            connection.close()
        status: str = details["applications"]["classification"]["status"]
        return status

    def _processes(self, is_one: Callable[[str], bool]) -> list[int]:
        self.server.family.refresh()
        lines = self.server.family.command_lines()
        return sorted(pid for pid, line in lines.items() if is_one(line))


@contextmanager
def service(
    folder: Path, probe: Request, checkpoint: Path | None = None, admitted: int = 0, **ingress: Yaml
) -> Iterator[Service]:
    """Start the service with ``vigil``, as operators do, and end it.

    Args:
        folder: For its configuration and its log.
        probe: It is ready once it answers this one.
        checkpoint: Of its model; None: the demonstration model.
        admitted: Requests under way for each ingress replica; 0: as shipped.
        **ingress: Settings of the ingress that differ from the shipped ones.
    """
    port = free_port()
    config = shipped()
    config["http_options"] = {"host": HOST, "port": port}
    arguments = arguments_of(config)
    # Two of each, in less than two CPUs; a laptop can run it.
    two: dict[str, Yaml] = {"num_cpus": 0.2, "replicas": {"min": 2, "max": 2}}
    for section in ("ingress", "video"):
        settings = arguments[section]
        assert isinstance(settings, dict)
        settings.update(two)
        if section == "ingress":
            settings.update(ingress)
    models = arguments["models"]
    assert isinstance(models, list)
    assert isinstance(models[0], dict)
    models[0].update(two)
    if checkpoint:
        models[0].update(source=str(checkpoint), revision=None)
    arguments["on_demand"] = {"allow": []}
    if admitted:
        let_in(config, admitted)
    credentials = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    command = Command(
        [tool("vigil"), "serve", str(write_config(folder, config))],
        credentials,
        stop_timeout_seconds=180,
    )
    with running(command, port, probe, folder / "service.log") as server:
        yield Service(server, folder, config, credentials)
