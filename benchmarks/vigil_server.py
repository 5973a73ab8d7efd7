"""How Vigil is started to be measured."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from benchmarks.machine import tool
from benchmarks.servers import Command, free_ports
from benchmarks.vigil_config import Yaml

_REPLICA_PORTS = 100


def serve(config: Path, port: int, ray_directory: Path) -> Command:
    """``serve run``, with a Ray and ports of its own even where others run on the machine.

    Proxies and replicas listen with SO_REUSEPORT: two services with the same ports would answer
    each other's requests without noticing.
    """
    ports = free_ports(4 + 2 * _REPLICA_PORTS, spared=port)
    http, grpc = ports[4 : 4 + _REPLICA_PORTS], ports[4 + _REPLICA_PORTS :]
    settings = {
        "HAPROXY_METRICS_PORT": ports[0],
        "HAPROXY_STATS_PORT": ports[1],
        "FALLBACK_PROXY_HTTP_PORT": ports[2],
        "FALLBACK_PROXY_GRPC_PORT": ports[3],
        "DIRECT_INGRESS_MIN_HTTP_PORT": http[0],
        "DIRECT_INGRESS_MAX_HTTP_PORT": http[-1],
        "DIRECT_INGRESS_MIN_GRPC_PORT": grpc[0],
        "DIRECT_INGRESS_MAX_GRPC_PORT": grpc[-1],
    }
    return Command(
        [tool("serve"), "run", "--address", "local", str(config)],
        {
            "RAY_TMPDIR": str(ray_directory),
            **{f"RAY_SERVE_{name}": str(value) for name, value in settings.items()},
        },
        stop_signal=signal.SIGINT,
    )


def write_config(directory: Path, config: dict[str, Yaml]) -> Path:
    """As JSON, which is YAML."""
    path = directory / "config.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path
