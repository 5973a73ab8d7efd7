"""The client's distribution by itself: in an environment with nothing of the service."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.integration.service import ROOT

TIMEOUT_SECONDS = 300


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_client_installs_and_imports_alone(tmp_path: Path) -> None:
    # A copy: building leaves files behind.
    source = tmp_path / "client"
    shutil.copytree(ROOT / "client", source, ignore=shutil.ignore_patterns("*.egg-info", "build"))
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    constraint = ROOT / "requirements" / "runtime.txt"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", constraint, source)
    installed = {
        line.split("==")[0].lower() for line in run(python, "-m", "pip", "freeze").splitlines()
    }
    assert not installed & {"torch", "ray", "numpy", "transformers", "vigil"}
    assert len(installed) < 20
    code = (
        "import asyncio, vigil_client as v;"
        "v.Client().close(); asyncio.run(v.AsyncClient().aclose());"
        "import pathlib; print((pathlib.Path(v.__file__).parent / 'py.typed').exists())"
    )
    assert run(python, "-W", "error", "-c", code) == "True\n"
