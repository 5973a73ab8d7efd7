"""How each system is started, where it takes uploads, and how its batches are counted."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import vigil_config
from benchmarks.images.batch_counter import read_batches
from benchmarks.images.reference import ZERO
from benchmarks.images.scenarios import SystemName
from benchmarks.images.systems.ray_metrics import settled_batches
from benchmarks.model_kind import ModelKind
from benchmarks.servers import Command
from benchmarks.vigil_config import Yaml
from benchmarks.vigil_server import serve, write_config


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
    "bare": Contract("/"),
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
            config = write_config(
                scratch, vigil_config.vigil(vigil_config.shipped(), port, kind, model)
            )
            zero = ["--zero"] if kind.checkpoint == "zero" else []
            options = ["--config", str(config), "--batches", str(batches), *zero]
            command = _python("benchmarks.images.systems.ideal", port, *options)
            yield Target(command, contract, lambda: read_batches(batches))
        else:
            config = write_config(scratch, _served(system, port, kind, model))
            yield Target(
                serve(config, port, scratch),
                contract,
                (lambda: settled_batches(scratch / "ray")) if system == "vigil" else None,
            )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _served(system: SystemName, port: int, kind: ModelKind, model: str) -> dict[str, Yaml]:
    """The configuration for ``serve run``."""
    shipped = vigil_config.shipped()
    match system:
        case "vigil":
            return vigil_config.vigil(shipped, port, kind, model)
        case "bare":
            return vigil_config.bare(shipped, port, kind, model)
        case _:
            return vigil_config.empty(shipped, port)


def _python(module: str, port: int, *options: str) -> Command:
    return Command(
        [sys.executable, "-m", module, "--port", str(port), *options],
        stop_signal=signal.SIGINT,  # LitServe ends its workers only then
        stop_timeout_seconds=10.0,
    )
