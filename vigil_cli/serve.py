"""`vigil serve`: looks at the machine, says what will run on it, and runs it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from serve_app.config import AppConfig
from serve_app.launcher.ports import PortUnavailableError
from serve_app.launcher.serve_file import read_serve_file
from serve_app.launcher.service import run_service
from serve_app.launcher.supervisor import hold_signals
from vigil_cli.doctor import machine
from vigil_cli.doctor.finding import Severity

logger = logging.getLogger("vigil")


def serve(config: Path, *, drain_seconds: float) -> int:
    """Runs the service described by a Serve configuration file until it is told to stop.

    Returns:
        Exit status: 0 after a stop that was asked for; 1 where it did not start, or ended by
        itself.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    hold_signals()
    try:
        file, apps = read_serve_file(config)
        _say_what_will_run(apps)
        return run_service(config, file.http_options, drain_seconds=drain_seconds)
    except (PortUnavailableError, OSError, ValueError) as error:
        sys.stderr.write(f"vigil: {error}\n")
        return 1


def _say_what_will_run(apps: Sequence[AppConfig]) -> None:
    gpus = machine.gpus()
    logger.info(
        "This machine: %s CPUs, %.1f GB of memory, %s",
        machine.cpus(),
        machine.memory_bytes() / 1e9,
        ", ".join(gpus) or "no GPU",
    )
    for app in apps:
        for model in app.models:
            wanted = (1.0 if gpus else 0.0) if model.num_gpus == "auto" else model.num_gpus
            logger.info(
                "Model %s: %d to %d replicas on %s",
                model.name,
                model.replicas.min,
                model.replicas.max,
                f"{wanted:g} GPU each" if wanted else f"{model.num_cpus:g} CPU each",
            )
        for finding in machine.check(app):
            if finding.severity is not Severity.GOOD:
                logger.warning("%s %s", finding.text, finding.remedy)
