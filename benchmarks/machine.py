"""What a results file says of the machine and of the software that it was measured with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

_INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
"""CPU flags that decide how fast a forward pass is."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that a reader needs to judge a figure; none that names the machine."""

    cpu: str
    cores: int
    """That this process may use."""
    instruction_sets: tuple[str, ...]
    memory_bytes: int
    system: str
    python: str
    load_average: float
    """Of the minute before the run: near 0 on a machine that is free."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What was measured."""

    hash: str
    modified: bool
    """True where the service's files differ from the commit's."""


def machine() -> Machine:
    """The facts of this machine (Linux)."""
    cpuinfo = _fields(Path("/proc/cpuinfo"))
    flags = cpuinfo.get("flags", cpuinfo.get("Features", "")).split()
    memory_kib = _fields(Path("/proc/meminfo"))["MemTotal"].split()[0]
    return Machine(
        cpu=cpuinfo.get("model name", platform.machine()),
        cores=len(os.sched_getaffinity(0)),
        instruction_sets=tuple(flag for flag in _INSTRUCTION_SETS if flag in flags),
        memory_bytes=int(memory_kib) * 1024,
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        python=platform.python_version(),
        load_average=round(os.getloadavg()[0], 2),
    )


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Installed versions.

    Raises:
        PackageNotFoundError: One of the packages is not installed.
    """
    return {package: metadata.version(package) for package in packages}


def tool(name: str) -> str:
    """Path of a command that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def commit(paths: tuple[str, ...], checkout: Path = ROOT) -> Commit:
    """The commit that is checked out, and whether something under ``paths`` differs from it."""
    changes = _git(checkout, "status", "--porcelain", "--", *paths)
    return Commit(_git(checkout, "rev-parse", "HEAD"), modified=bool(changes))


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def _fields(path: Path) -> dict[str, str]:
    """``key : value`` lines; the first of each key."""
    fields: dict[str, str] = {}
    for line in path.read_text().splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    return fields
