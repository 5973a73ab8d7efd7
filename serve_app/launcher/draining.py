"""Lets accepted requests finish while new ones are turned away.

Serve kills its HAProxy as the first thing of a shutdown. So before it is asked to shut down, a
second HAProxy takes the listening socket over, by the same seamless reload that Serve itself uses
when replicas change (``-sf``, ``-x``: HAProxy management guide, "Stopping and restarting"): it
answers 503 with ``Retry-After``, and the old one ends by itself as soon as its last request is
answered. The new one also answers on the old one's admin socket: so Serve's health check goes on
passing, and Serve does not replace the old one, for as long as the drain takes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from serve_app.launcher.processes import Process

logger = logging.getLogger(__name__)

_PROXY_EXECUTABLE = "haproxy"
_DRAINING = "draining.cfg"
_SETTLED_SECONDS = 3.0
# As Serve 2.60 names it in ray/serve/_private/haproxy_templates.py.
_FRONTEND = "frontend http_frontend"
_CONFIGURATION = """\
global
    stats socket {socket} mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend http_frontend
{binds}
    http-request return status 503 content-type application/problem+json hdr Retry-After 5 string \
'{{"type":"about:blank","title":"Service Unavailable","status":503,\
"detail":"The service is shutting down; try again in some seconds."}}'
"""


class Drain:
    """One drain of all the HAProxies that run below this launcher.

    Args:
        processes: Lists everything that runs below the launcher, as it is at the moment.
    """

    def __init__(self, processes: Callable[[], Sequence[Process]]) -> None:
        self._processes = processes

    def may_begin(self) -> bool:
        """Whether Serve is not just replacing an HAProxy by another.

        While it does, it asks twice a second whether the new one answers on the admin socket, and
        kills it, with the requests in it, where that took half a minute
        (``_wait_for_hap_availability``, ray/serve/_private/haproxy.py 2.60). A drain that began
        now would take the socket before Serve saw the new one there. Later Serve asks before it
        starts another, and then starts none.
        """
        return all(process.age_seconds() >= _SETTLED_SECONDS for process in self._serving())

    def begin(self) -> None:
        """Turns new requests away from now on."""
        by_configuration: dict[Path, list[Process]] = {}
        for process in self._serving():
            path = _configuration_of(process)
            if path is not None:
                by_configuration.setdefault(path, []).append(process)
        for path, processes in by_configuration.items():
            _take_over(path, processes)

    def is_finished(self) -> bool:
        """Whether every request that was accepted before has its answer."""
        return not self._serving()

    def _serving(self) -> list[Process]:
        return [
            process
            for process in self._processes()
            if process.executable() == _PROXY_EXECUTABLE and not _is_draining(process)
        ]


def _is_draining(process: Process) -> bool:
    path = _configuration_of(process)
    return path is not None and path.name == _DRAINING


def _configuration_of(process: Process) -> Path | None:
    arguments = process.arguments()
    if "-f" not in arguments[:-1]:
        return None
    return Path(arguments[arguments.index("-f") + 1])


def _take_over(configuration: Path, processes: Sequence[Process]) -> None:
    binds = _bind_lines(configuration.read_text())
    if not binds:
        logger.warning("HAProxy serves no HTTP yet; there is nothing to drain")
        return
    admin_socket = configuration.with_name("admin.sock")
    draining = configuration.with_name(_DRAINING)
    draining.write_text(_CONFIGURATION.format(socket=admin_socket, binds="\n".join(binds)))
    program = str(Path(f"/proc/{processes[0].pid}/exe").readlink())
    pids = [str(process.pid) for process in processes]
    os.posix_spawn(
        program,
        [program, "-db", "-f", str(draining), "-dR", "-x", str(admin_socket), "-sf", *pids],
        os.environ,
        setsigmask=[],
        setsid=True,
    )


def _bind_lines(configuration: str) -> list[str]:
    section = ""
    binds = []
    for line in configuration.splitlines():
        if line and not line[0].isspace():
            section = line.strip()
        elif section == _FRONTEND and line.split()[:1] == ["bind"]:
            binds.append(line)
    return binds
