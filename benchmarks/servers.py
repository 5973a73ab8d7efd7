"""Starts a server, waits until it answers, and ends it with all its processes."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.load import Request
from benchmarks.machine import ROOT
from benchmarks.processes import MARK, ProcessFamily

HOST = "127.0.0.1"
_POLL_SECONDS = 0.05
_PORT_SEARCHES = 100


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a server."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's environment."""
    directory: Path = ROOT
    """In which it is started."""
    stop_signal: signal.Signals = signal.SIGTERM
    ready_timeout_seconds: float = 180.0
    stop_timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    port: int
    family: ProcessFamily
    start_to_ready_seconds: float
    """From its start to its first right answer."""


class ServerError(RuntimeError):
    """A server did not start, or ended by itself."""


def free_port() -> int:
    """A TCP port that nobody listens on at the moment."""
    return free_ports(1)[0]


def free_ports(count: int, spared: int = 0) -> range:
    """Neighbouring TCP ports that nobody listens on.

    They lie below those that the system gives to outgoing connections: Ray opens hundreds, and one
    of them could take a port between the choice and the server's start.

    Args:
        count: How many.
        spared: A port that was chosen for something else.

    Raises:
        ServerError: None were found.
    """
    for _ in range(_PORT_SEARCHES):
        start = random.randrange(10_000, 30_000 - count)
        ports = range(start, start + count)
        if spared not in ports and all(map(is_free, ports)):
            return ports
    raise ServerError(f"there are no {count} neighbouring free ports")


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


@contextmanager
def running(command: Command, port: int, probe: Request, log: Path) -> Iterator[Server]:
    """Run a server.

    Args:
        command: Makes it listen on ``port``.
        port: Of `HOST`.
        probe: It is ready once it answers this request with 200.
        log: Where its output goes.

    Raises:
        ServerError: It did not become ready; the message ends with its last output.
    """
    mark = uuid.uuid4().hex
    # PYTHONPATH: Ray's workers import the benchmarks' modules, too.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **command.environment, MARK: mark}
    started = time.monotonic()
    with log.open("wb") as output:
        process = _start(command, environment, output)
        family = ProcessFamily(process.pid, mark)
        try:
            _wait_until_ready(process, port, probe, command.ready_timeout_seconds, log)
            ready = time.monotonic() - started
            family.refresh()
            yield Server(port, family, ready)
        finally:
            _stop(process, family, command)


def _start(
    command: Command, environment: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in a shell's background job. A child would inherit it, and `serve run` never stop.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        command.arguments,
        cwd=command.directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _wait_until_ready(
    process: subprocess.Popen[bytes], port: int, probe: Request, timeout_seconds: float, log: Path
) -> None:
    deadline = time.monotonic() + timeout_seconds
    last = "nothing listened"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"the server ended with {process.returncode}:\n{_tail(log)}")
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        try:
            connection.request("POST", probe.path, probe.body, dict(probe.headers))
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                return
            last = f"status {response.status}"
        except (OSError, http.client.HTTPException) as error:
            last = str(error) or type(error).__name__
        finally:
            connection.close()
        time.sleep(_POLL_SECONDS)
    raise ServerError(f"not ready after {timeout_seconds:g} s ({last}):\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes], family: ProcessFamily, command: Command) -> None:
    family.refresh()
    deadline = time.monotonic() + command.stop_timeout_seconds
    if process.poll() is None:
        process.send_signal(command.stop_signal)
    while time.monotonic() < deadline:
        process.poll()  # reaps it
        if not family.alive():
            return
        time.sleep(_POLL_SECONDS)
    family.kill()
    process.wait()


def _tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
