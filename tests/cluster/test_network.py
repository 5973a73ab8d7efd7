"""The hosts themselves: apart from this machine and from other networks, and gone afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import network as module
from tests.cluster.load import eventually
from tests.cluster.network import ROOT, Host, NamespacesRefusedError, network
from tests.cluster.service import on

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("programs")]


def listening(host: Host) -> socket.socket:
    def listen() -> socket.socket:
        server = socket.socket()
        server.bind((host.address, 8000))
        server.listen()
        return server

    return on(host, listen)


def reaches(host: Host, address: str) -> bool:
    def connect() -> bool:
        try:
            socket.create_connection((address, 8000), timeout=1).close()
        except OSError:
            return False
        return True

    return on(host, connect)


def test_hosts_reach_each_other_until_a_cable_is_pulled_and_nobody_else_does() -> None:
    with network(["a", "b"]) as first, network(["a", "b"]) as second:
        assert first["a"].address == second["a"].address
        with listening(first["a"]):
            assert reaches(first["b"], first["a"].address)
            assert not reaches(second["b"], first["a"].address)
            first["a"].set_link(up=False)
            assert not reaches(first["b"], first["a"].address)
            first["a"].set_link(up=True)
            assert reaches(first["b"], first["a"].address)


def test_a_killed_test_run_leaves_no_host_and_no_process() -> None:
    script = (
        "import time\n"
        "from tests.cluster.network import network\n"
        "with network(['a']) as hosts:\n"
        "    hosts['a'].run('sh', '-c', 'sleep 600 &', environ={'PATH': '/usr/bin:/bin'})\n"
        "    print(hosts['a'].namespace, hosts['a'].files.parent, flush=True)\n"
        "    time.sleep(600)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert run.stdout is not None
    namespace, files = run.stdout.readline().decode().split()
    assert Path("/run/netns", namespace).exists()
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert eventually(lambda: not Path("/run/netns", namespace).exists(), 60)
    assert eventually(lambda: not Path(files).exists(), 10)


def test_a_machine_that_refuses_namespaces_is_told_apart_from_a_broken_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*words: str) -> None:
        raise AssertionError("Operation not permitted")

    monkeypatch.setattr(module, "_ip", refuse)
    with pytest.raises(NamespacesRefusedError, match="machine refuses them"), network(["a"]):
        pass
