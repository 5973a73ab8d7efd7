"""One run of the service: checked, started, announced, drained, and gone without a trace."""

from __future__ import annotations

import logging
import os
import secrets
import sysconfig
import threading
from pathlib import Path

from serve_app.launcher import ports, processes
from serve_app.launcher.readiness import announce_when_ready
from serve_app.launcher.runtime_folder import runtime_folder
from serve_app.launcher.serve_file import HttpOptions
from serve_app.launcher.serve_ports import service_port_variables
from serve_app.launcher.supervisor import Supervisor

logger = logging.getLogger("vigil")


def run_service(config: Path, http: HttpOptions, *, drain_seconds: float) -> int:
    """Runs the service until it is told to stop. Signals have to be held, see `hold_signals`.

    Args:
        config: Serve configuration file; the application is imported from its folder.
        http: Where it listens.
        drain_seconds: How long accepted requests may take to finish after a signal.

    Returns:
        Exit status.

    Raises:
        PortUnavailableError: It cannot listen there.
        OSError: Processes of an earlier run do not end.
    """
    _clear_leftovers()
    ports.require_free(http.host, http.port)
    with runtime_folder() as folder:
        _set_environment(folder.path, http.port)
        supervisor = Supervisor(
            _serve_command(config),
            drain_seconds=drain_seconds,
            # After the fork: preexec_fn wants a process with one thread.
            on_start=lambda: threading.Thread(
                target=announce_when_ready, args=(http.url,), daemon=True
            ).start(),
        )
        status = supervisor.run()
        if status:
            folder.keep()
            logs = Path(os.environ["RAY_TMPDIR"]) / "ray" / "session_latest" / "logs"
            logger.error("What Ray logged is in %s", logs)
    return status


def _clear_leftovers() -> None:
    leftovers = processes.leftovers()
    if not leftovers:
        return
    logger.warning("An earlier run was killed; ending what it left: %d processes", len(leftovers))
    stuck = processes.end(leftovers)
    if stuck:
        raise OSError(f"processes of an earlier run do not end: {[p.pid for p in stuck]}")


def _set_environment(folder: Path, http_port: int) -> None:
    """Sets what `serve run` and all below it inherit.

    Everything that they write goes to the folder. By default HAProxy's files lie under one fixed,
    world-readable path, with an admin socket that every user of the machine may command; Ray's lie
    in ``/tmp/ray``, and its token in the home directory.
    """
    os.environ[processes.SUPERVISOR_VARIABLE] = processes.supervisor_tag()
    for variable, name in {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": "admin.sock",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "metrics.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "server-state",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "",
    }.items():
        os.environ[variable] = str(folder / name)
    os.environ.setdefault("RAY_TMPDIR", str(folder))
    # One machine is all there is: Ray then takes 127.0.0.1 for its own address and listens nowhere
    # else. By default its control plane, which runs code on request, listens on all interfaces.
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if "RAY_AUTH_TOKEN" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN_PATH", str(_token_file(folder)))
    for variable, value in service_port_variables(http_port).items():
        os.environ.setdefault(variable, value)


def _token_file(folder: Path) -> Path:
    """The token that every process of this Ray has to show, new for each run."""
    path = folder / "auth_token"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    return path


def _serve_command(config: Path) -> list[str]:
    serve = Path(sysconfig.get_path("scripts")) / "serve"
    app_folder = str(config.resolve().parent)
    # "local": a Ray of its own, even where another one runs on this machine.
    return [str(serve), "run", "--address", "local", "--app-dir", app_folder, str(config)]
