"""The launcher over a real Serve: a stop drains, a kill does not hinder the next start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from serve_app.launcher import ports
from serve_app.launcher.processes import SUPERVISOR_VARIABLE
from tests.assets.ports import free_port
from tests.integration.service import ROOT
from tests.unit.launcher.conditions import eventually

START_SECONDS = 180
STOP_SECONDS = 60
SLOW_SECONDS = 30
UNDER_WAY = 200


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config(port: int, tmp_path: Path) -> Path:
    """The project's own configuration, with another application in it."""
    settings = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    settings["http_options"] = {"host": "127.0.0.1", "port": port}
    settings["applications"] = [
        {
            "name": "slow",
            "route_prefix": "/",
            "import_path": "tests.integration.slow_app:build",
            "args": {},
        }
    ]
    path = tmp_path / "slow.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@contextmanager
def launcher(config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "vigil_cli", "serve", str(config)]
    log = config.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        assert eventually(lambda: status(port) == 200, START_SECONDS), log.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def status(port: int, seconds: float = 0) -> int:
    """The answer's status; 0 when nobody answers."""
    try:
        response = httpx.get(f"http://127.0.0.1:{port}/", params={"seconds": seconds}, timeout=60)
    except httpx.TransportError:
        return 0
    return response.status_code


def children_of(launcher_pid: int) -> list[int]:
    """Processes that carry the launcher's mark."""
    mark = f"{SUPERVISOR_VARIABLE}=".encode()
    end = f"/{launcher_pid}/".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(v.startswith(mark) and end in v for v in variables):
            found.append(int(folder.name))
    return found


def test_a_killed_launcher_does_not_hinder_the_next_and_a_stop_drains(
    config: Path, port: int
) -> None:
    with launcher(config, port) as killed:
        assert len(children_of(killed.pid)) > 3
        killed.kill()
        killed.wait()
        # An HAProxy that Serve was just starting may stay, for the next start to end.
        assert eventually(lambda: status(port) != 200, STOP_SECONDS)

    with launcher(config, port) as stopped, ThreadPoolExecutor() as pool:
        assert children_of(killed.pid) == []
        accepted = pool.submit(asyncio.run, statuses(port, UNDER_WAY, SLOW_SECONDS))
        assert eventually(lambda: under_way(port) > UNDER_WAY, STOP_SECONDS)
        stopped.send_signal(signal.SIGTERM)
        assert eventually(lambda: status(port) == 503)
        assert not accepted.done()
        assert accepted.result(STOP_SECONDS) == [200] * UNDER_WAY
        assert stopped.wait(STOP_SECONDS) == 0
    assert children_of(stopped.pid) == []
    assert ports.is_free("127.0.0.1", port)


def under_way(port: int) -> int:
    """Requests that the replica works on, this one included."""
    return int(httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text)


async def statuses(port: int, count: int, seconds: float) -> list[int]:
    """Statuses of so many answers to requests at the same time."""
    unlimited = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=120, limits=unlimited) as client:
        url = f"http://127.0.0.1:{port}/"
        asked = [client.get(url, params={"seconds": seconds}) for _ in range(count)]
        return [answer.status_code for answer in await asyncio.gather(*asked)]
