"""How each system is started, where it takes uploads, and how its batches are counted."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.images.batch_counter import read_batches
from benchmarks.images.reference import ZERO
from benchmarks.images.scenarios import ModelKind, SystemName
from benchmarks.images.systems import vigil_config
from benchmarks.images.systems.ray_metrics import settled_batches
from benchmarks.machine import tool
from benchmarks.servers import Command, free_ports

_REPLICA_PORTS = 100


@dataclass(frozen=True, slots=True)
class Contract:
    """Where a system takes uploads."""

    path: str
    form_field: str = "file"
    multi_path: str | None = None
    """Of requests with several files, in the form field ``files``; None: it takes none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A system that can be started."""

    command: Command
    contract: Contract
    read_batches: Callable[[], int] | None
    """Batches so far, while nothing is in flight; None: the system never batches."""


_VIGIL_CONTRACT = Contract(
    "/api/image-classification", multi_path="/api/multi-image-classification"
)
_CONTRACTS: dict[SystemName, Contract] = {
    "original": Contract("/api/image-classification"),
    "fastapi": Contract("/classify"),
    "litserve": Contract("/classify"),
    "ideal": _VIGIL_CONTRACT,
    "vigil": _VIGIL_CONTRACT,
    "empty": Contract("/"),
}
_PEER_MODULES: dict[SystemName, str] = {
    "original": "benchmarks.images.systems.original",
    "fastapi": "benchmarks.images.systems.fastapi_server",
    "litserve": "benchmarks.images.systems.litserve_server",
}


@contextmanager
def prepared(system: SystemName, kind: ModelKind, checkpoint: Path, port: int) -> Iterator[Target]:
    """Everything that a system needs to start; its temporary files go when the context ends.

    Args:
        system: Any but ``limit``, which is no server.
        kind: The model to serve.
        checkpoint: Directory of the model; does not exist for ``zero``.
        port: To listen on.
    """
    # Short, because Ray's socket names must fit into 107 bytes.
    scratch = Path(tempfile.mkdtemp(prefix="vb-"))
    contract = _CONTRACTS[system]
    model = ZERO if kind.checkpoint == "zero" else str(checkpoint)
    batches = scratch / "batches"
    try:
        if system in _PEER_MODULES:
            options = ["--model", model, "--dtype", kind.dtype, "--batches", str(batches)]
            command = _python(_PEER_MODULES[system], port, *options)
            counts = (lambda: read_batches(batches)) if system == "litserve" else None
            yield Target(command, contract, counts)
        elif system == "ideal":
            config = _write(scratch, vigil_config.vigil(vigil_config.shipped(), port, kind, model))
            zero = ["--zero"] if kind.checkpoint == "zero" else []
            options = ["--config", str(config), "--batches", str(batches), *zero]
            command = _python("benchmarks.images.systems.ideal", port, *options)
            yield Target(command, contract, lambda: read_batches(batches))
        else:
            shipped = vigil_config.shipped()
            config = _write(
                scratch,
                vigil_config.vigil(shipped, port, kind, model)
                if system == "vigil"
                else vigil_config.empty(shipped, port),
            )
            yield Target(
                _serve(config, port, scratch),
                contract,
                (lambda: settled_batches(scratch / "ray")) if system == "vigil" else None,
            )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _python(module: str, port: int, *options: str) -> Command:
    return Command(
        [sys.executable, "-m", module, "--port", str(port), *options],
        stop_signal=signal.SIGINT,  # LitServe ends its workers only then
        stop_timeout_seconds=10.0,
    )


def _serve(config: Path, port: int, ray_directory: Path) -> Command:
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


def _write(scratch: Path, config: dict[str, vigil_config.Yaml]) -> Path:
    """As JSON, which is YAML."""
    path = scratch / "config.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path
