"""The service as a user runs it: ``serve run`` with a configuration file, as its own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from serve_app.launcher.serve_ports import service_port_variables
from tests.assets.ports import free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 300
STOP_SECONDS = 60


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    ray_address: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=120, **options)

    def replica_pids(self, deployment: str) -> list[int]:
        """Processes of a deployment's replicas, in this service only."""
        title = f"ray::ServeReplica:classification:{deployment}"
        return [
            pid
            for pid in descendants(self.process.pid)
            if (Path("/proc") / str(pid) / "cmdline").read_bytes().startswith(title.encode())
        ]


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def default_config() -> dict[str, Any]:
    """``serve_config.yaml`` as it is committed."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    return config


@contextmanager
def running(
    config: dict[str, Any], folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start a service, wait until it is ready, stop it as Ctrl-C does."""
    port = free_port()
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    # Ports that are fixed otherwise, so that a test runs beside another service.
    variables = config["controller_options"]["runtime_env"]["env_vars"]
    variables |= service_port_variables(port)
    # No load balancer has to notice that a test's service stops.
    variables["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"] = "0.5"
    file = folder / "serve_config.yaml"
    file.write_text(yaml.safe_dump(config))
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("serve"), "run", str(file)],
            cwd=ROOT,
            env={**os.environ, "RAY_DEDUP_LOGS": "0", **(environ or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield Service(url, _ray_address(process), process, log)
    finally:
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        finally:
            for pid in below:  # nothing of a test's service may outlive it
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the service did not start:\n{log.read_text()[-4000:]}")


def _ray_address(process: subprocess.Popen[bytes]) -> str:
    """Address of the Ray that ``serve run`` started, from its raylet's command line."""
    for pid in descendants(process.pid):
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes().decode().split("\0")
        if words[0].endswith("/raylet"):
            options = dict(word.split("=", 1) for word in words if "=" in word)
            return options["--gcs-address"]
    raise AssertionError("no raylet among the service's processes")
