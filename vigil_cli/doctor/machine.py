"""The machine: processors, memory, disk, GPUs, and whether the configuration fits onto it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from serve_app.config import AppConfig
from vigil_cli.doctor.finding import Finding, bad, good, warning

_GB = 1e9
_SERVICE_BYTES = 3 * _GB
"""Resident memory of Ray's own processes and the smallest replicas, with what they share."""
_REPLICA_BYTES = 0.6 * _GB
"""A model's replica: torch, and a base model's weights."""
_SHM_BYTES = 0.5 * _GB
"""Videos travel through Ray's object store, which lies in shared memory."""
_DISK_BYTES = 5 * _GB
_OPEN_FILES = 4096
_NVIDIA_SECONDS = 10


def cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def memory_bytes() -> int:
    """Memory of this machine, or of the control group (container) if that has less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdigit() else total


def gpus() -> list[str]:
    """Names of the GPUs that the NVIDIA driver shows."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_NVIDIA_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if done.returncode else [name for name in done.stdout.splitlines() if name]


def check(app: AppConfig) -> Iterator[Finding]:
    """Whether the application fits onto the machine."""
    yield _cpus(app)
    yield _memory(app)
    yield _shared_memory()
    yield _disk()
    yield _open_files()
    yield _gpus(app)


def reserved_cpus(app: AppConfig) -> float:
    """What the replicas that always run reserve."""
    always = [(model.num_cpus, model.replicas.min) for model in app.models]
    always += [
        (app.on_demand.num_cpus, app.on_demand.replicas.min),
        (app.ingress.num_cpus, app.ingress.replicas.min),
        (app.video.num_cpus, app.video.replicas.min),
    ]
    return sum(cpus_each * replicas for cpus_each, replicas in always)


def _cpus(app: AppConfig) -> Finding:
    have, wanted = cpus(), reserved_cpus(app)
    if wanted > have:
        return bad(
            "processors",
            f"The replicas reserve {wanted:g} CPUs and the machine has {have}: some would never "
            "start.",
            "Lower num_cpus or replicas.min in the configuration.",
        )
    return good("processors", f"{have} CPUs, {wanted:g} of them reserved.")


def _memory(app: AppConfig) -> Finding:
    replicas = sum(model.replicas.min for model in app.models)
    wanted, have = _SERVICE_BYTES + replicas * _REPLICA_BYTES, memory_bytes()
    if have < wanted:
        return warning(
            "memory",
            f"{have / _GB:.1f} GB; the service takes about {wanted / _GB:.1f} GB.",
            "Give the machine or the container more memory, or configure fewer models.",
        )
    return good("memory", f"{have / _GB:.1f} GB; the service takes about {wanted / _GB:.1f} GB.")


def _shared_memory() -> Finding:
    size = shutil.disk_usage("/dev/shm").total  # noqa: S108 - looked at, not written to
    if size < _SHM_BYTES:
        return bad(
            "shared memory",
            f"Too little for videos: {size / _GB:.2f} GB in /dev/shm.",
            "Start the container with --shm-size=2g (shm_size in Compose).",
        )
    return good("shared memory", f"{size / _GB:.1f} GB in /dev/shm.")


def _disk() -> Finding:
    usage = shutil.disk_usage("/tmp")  # noqa: S108 - looked at, not written to
    # Ray refuses to work on a file system that is 95 % full (RAY_local_fs_capacity_threshold).
    if usage.free < min(_DISK_BYTES, usage.total * 0.05):
        return bad(
            "disk",
            f"{usage.free / _GB:.1f} GB are left in /tmp.",
            "Free some, or set RAY_TMPDIR to a folder on another file system.",
        )
    return good("disk", f"{usage.free / _GB:.1f} GB are left in /tmp.")


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Ray raises the soft limit to the hard one by itself.
    if hard != resource.RLIM_INFINITY and hard < _OPEN_FILES:
        return warning(
            "open files",
            f"A process may open {hard} files at most.",
            f"Raise the hard limit to {_OPEN_FILES} or more (ulimit -Hn, LimitNOFILE=).",
        )
    return good("open files", f"A process may open {soft} files.")


def _gpus(app: AppConfig) -> Finding:
    found, torch = gpus(), version("torch")
    wanting = [m.name for m in app.models if m.num_gpus != "auto" and m.num_gpus > 0]
    if not found:
        if wanting:
            return bad(
                "GPUs",
                f"{', '.join(wanting)} asks for a GPU, and nvidia-smi shows none.",
                "Install the NVIDIA driver (in containers its toolkit), or set num_gpus: auto.",
            )
        return good("GPUs", "None; models run on the CPU.")
    if "+cpu" in torch:
        return bad(
            "GPUs",
            f"{', '.join(found)}, but torch {torch} runs on the CPU only.",
            "Install the CUDA build of torch: pip install --force-reinstall torch.",
        )
    return good("GPUs", f"{', '.join(found)}.")
