from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).parents[3] / "serve_config.yaml"


def vigil(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vigil_cli", "serve", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    assert "missing.yaml" in sentence(vigil(tmp_path / "missing.yaml"))


@pytest.mark.parametrize("text", ["applications: {", "applications: 3", "- 1"])
def test_a_file_that_is_no_serve_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    assert "vigil: " in sentence(vigil(path))


def test_a_mistake_in_the_environment_is_named_before_anything_starts() -> None:
    assert "DEFAULT_SCORE" in sentence(vigil(CONFIG, DEFAULT_SCORE="7"))


def test_a_mistake_in_the_arguments_is_named_before_anything_starts(tmp_path: Path) -> None:
    config = yaml.safe_load(CONFIG.read_text())
    config["applications"][0]["args"]["default_modle"] = "x"
    path = tmp_path / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    assert "default_modle" in sentence(vigil(path))


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        path = tmp_path / "serve_config.yaml"
        path.write_text(f"http_options: {{host: 127.0.0.1, port: {port}}}")
        assert f"Port {port} is taken" in sentence(vigil(path))
