"""``python -m benchmarks.soak``: starts the shipped configuration, loads it, prints the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks import json_file
from benchmarks.load import File, upload
from benchmarks.machine import commit, machine, tool
from benchmarks.servers import HOST, Command, free_port, running
from benchmarks.soak.load import SAMPLES
from benchmarks.soak.soak import soak
from benchmarks.vigil_config import shipped
from benchmarks.vigil_server import write_config


def main() -> None:
    """Run the soak; the exit status is 1 where anything grew too much or was answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="watched (%(default)g)")
    parser.add_argument("--clients", type=int, default=6, help="requests at a time (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="order of requests (%(default)s)")
    parser.add_argument("--output", type=Path, help="results file to write")
    arguments = parser.parse_args()
    picture = File("image.jpg", "image/jpeg", (SAMPLES / "landscape.jpg").read_bytes())
    probe = upload("/api/image-classification", "file", [picture])
    port = free_port()
    config = shipped()
    config["http_options"] = {"host": HOST, "port": port}
    with tempfile.TemporaryDirectory(prefix="vigil-soak-") as name:
        folder = Path(name)
        command = Command(
            [tool("vigil"), "serve", str(write_config(folder, config))], stop_timeout_seconds=180
        )
        with running(command, port, probe, folder / "service.log") as server:
            report = soak(
                f"http://{HOST}:{port}",
                server.family,
                arguments.minutes * 60,
                warm_up_seconds=max(20.0, arguments.minutes * 12),
                clients=arguments.clients,
                seed=arguments.seed,
            )
    print(report.table())
    if arguments.output:
        results = {
            "commit": asdict(commit(("deployments", "serve_app", "benchmarks"))),
            "machine": asdict(machine()),
            "soak": asdict(report),
        }
        json_file.write(results, arguments.output)
    sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
