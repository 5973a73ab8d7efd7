"""Measures the classifier's GPU side, without Ray, a server or a checkpoint.

python -m benchmarks.gpu --output benchmarks/results/gpu.json     # on a machine with an NVIDIA GPU
python -m benchmarks.gpu --device cpu --quick                     # does it work? means nothing

It needs torch, transformers, Pillow and NumPy. Where simplejpeg is not installed, Pillow decodes,
and the results say so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmarks.gpu.decoding import DECODER
from benchmarks.gpu.suite import Outcome, Plan, measure
from benchmarks.json_file import Json, write
from benchmarks.machine import commit, machine, versions

_PACKAGES = ("torch", "transformers", "pillow", "numpy")
_MEASURED_PATHS = ("deployments", "benchmarks")


@dataclass(frozen=True, slots=True)
class Gpu:
    """The facts of a GPU; none that names the one at hand."""

    name: str
    memory_bytes: int
    multiprocessors: int
    compute_capability: str
    cuda: str | None
    """The version that torch was built for."""


def main() -> int:
    """Measures, and writes the results.

    Returns:
        0; 1 where scores do not agree with those in float32 on the CPU; 2 without the device.
    """
    options = _arguments()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device here, so nothing was measured or written.", file=sys.stderr)
        return 2
    plan = _plan(options)
    outcome = measure(plan, device, lambda line: print(line, file=sys.stderr, flush=True))
    if options.output:
        write(_results(options, plan, outcome, device), options.output)
    if not outcome.agrees:
        print("The scores do not agree with those in float32 on the CPU.", file=sys.stderr)
        return 1
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    cores = len(os.sched_getaffinity(0))
    if options.quick:
        return Plan(("tiny",), 4, 1, 0.1, (320, 240), 6, min(cores, 2))
    networks = tuple(options.network or ("base", "large"))
    return Plan(networks, options.max_batch_size, options.repeats, 2.0, (1280, 960), 64, cores)


def _results(
    options: argparse.Namespace, plan: Plan, outcome: Outcome, device: torch.device
) -> Json:
    used = [*_PACKAGES]
    if DECODER == "simplejpeg":
        used.append("simplejpeg")
    if device.type == "cuda" and find_spec("triton"):
        used.append("triton")
    content: dict[str, Json] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "quick": options.quick,
        "commit": _commit(),
        "machine": asdict(machine()),
        "device": asdict(_gpu(device)) if device.type == "cuda" else "cpu, which shows nothing",
        "versions": versions(tuple(used)),
        "decoder": DECODER,
        "agrees": outcome.agrees,
        "plan": asdict(plan),
        "outcome": asdict(outcome),
    }
    return content


def _gpu(device: torch.device) -> Gpu:
    facts = torch.cuda.get_device_properties(device)
    return Gpu(
        name=facts.name,
        memory_bytes=facts.total_memory,
        multiprocessors=facts.multi_processor_count,
        compute_capability=f"{facts.major}.{facts.minor}",
        cuda=torch.version.cuda,
    )


def _commit() -> Json:
    """None in a copy of the files that has no history with it."""
    try:
        return asdict(commit(_MEASURED_PATHS))
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--device", default="cuda", help="cuda, cuda:1 … or cpu")
    add("--quick", action="store_true", help="a tiny network, for a moment")
    add("--network", action="append", choices=("tiny", "base", "large"), help="repeatable")
    add("--max-batch-size", type=int, default=32)
    add("--repeats", type=int, default=5)
    add("--output", type=Path, help="the results file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
