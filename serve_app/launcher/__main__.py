"""Command line of the launcher."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import sysconfig
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from serve_app.config import environment, resolve
from serve_app.launcher import ports, processes
from serve_app.launcher.runtime_folder import runtime_folder
from serve_app.launcher.serve_ports import service_port_variables
from serve_app.launcher.supervisor import Supervisor, hold_signals

logger = logging.getLogger("vigil")

_VIGIL = "serve_app.app:build"


class _HttpOptions(BaseModel):
    host: str = "127.0.0.1"
    port: int = 8000


class _Application(BaseModel):
    import_path: str = ""
    args: dict[str, object] = {}


class _ServeConfig(BaseModel):
    """The part of a Serve configuration that the launcher reads; the defaults are Serve's."""

    http_options: _HttpOptions = _HttpOptions()
    applications: list[_Application] = []


def main() -> None:
    """Runs the service described by a Serve configuration file until it is told to stop."""
    arguments = _parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    hold_signals()
    try:
        http = _read_config(arguments.config).http_options
        _clear_leftovers()
        ports.require_free(http.host, http.port)
        with runtime_folder() as folder:
            _set_environment(folder, http.port)
            status = Supervisor(
                _serve_command(arguments.config), drain_seconds=arguments.drain_seconds
            ).run()
    except (ports.PortUnavailableError, OSError, ValueError, yaml.YAMLError) as error:
        sys.exit(f"vigil: {error}")
    sys.exit(status)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vigil", description=main.__doc__)
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        default=Path("serve_config.yaml"),
        help="Serve configuration file (default: %(default)s); the application is imported from "
        "its folder",
    )
    parser.add_argument(
        "--drain-seconds",
        type=float,
        default=120.0,
        help="how long accepted requests may take to finish after SIGTERM or Ctrl-C (default: "
        "%(default)g); a second signal ends them at once",
    )
    return parser.parse_args()


def _read_config(path: Path) -> _ServeConfig:
    try:
        config = _ServeConfig.model_validate(yaml.safe_load(path.read_text()) or {})
    except ValidationError as error:
        raise ValueError(f"{path} is not a Serve configuration: {error}") from error
    # `serve run` would report a mistake as a traceback, and then wait for ever.
    for application in config.applications:
        if application.import_path == _VIGIL:
            resolve(application.args, environment())
    return config


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

    HAProxy's files go to a private folder: by default they lie under one fixed, world-readable
    path, with an admin socket that every user of the machine may command.
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
    for variable, value in service_port_variables(http_port).items():
        os.environ.setdefault(variable, value)


def _serve_command(config: Path) -> list[str]:
    serve = Path(sysconfig.get_path("scripts")) / "serve"
    folder = str(config.resolve().parent)
    # "local": a Ray of its own, even where another one runs on this machine.
    return [str(serve), "run", "--address", "local", "--app-dir", folder, str(config)]


if __name__ == "__main__":
    main()
