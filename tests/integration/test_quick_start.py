"""Every command of the quick start works as written."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

import pytest
import yaml

from serve_app.launcher.serve_ports import service_port_variables
from tests.assets.fake_hub import FakeHub
from tests.assets.ports import free_port
from tests.integration.service import default_config
from tests.readme import ADDRESS, ROOT, CurlLine, curl_lines, shell_lines

PAGE = ROOT / "docs" / "quick-start.md"
QUICKSTARTS = [line for line in shell_lines(PAGE) if "scripts/quickstart" in line]
OTHERS = [line for line in shell_lines(PAGE) if line not in QUICKSTARTS]
START_SECONDS = 400


class HasUrl(Protocol):
    url: str


@pytest.fixture
def own_ports(tmp_path: Path) -> Path:
    """The committed configuration, at a port that is free here."""
    config = default_config()
    port = free_port()
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    config["controller_options"]["runtime_env"]["env_vars"] |= service_port_variables(port)
    file = tmp_path / "serve_config.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.mark.parametrize("line", QUICKSTARTS)
def test_the_service_starts_and_classifies_the_samples(
    line: str, own_ports: Path, hub: FakeHub, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    hub.repositories["Falconsai/nsfw_image_detection"] = checkpoints["one"]
    words = shlex.split(line)
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    command = [word for word in words if "=" not in word]
    done = subprocess.run(
        [*command, "--config", own_ports, "--once"],
        cwd=ROOT,
        env={
            **os.environ,
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(tmp_path / "hub"),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    samples = json.loads((ROOT / "examples" / "samples" / "samples.json").read_text())["samples"]
    assert [sample["file"] for sample in samples if sample["file"] not in done.stdout] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", curl_lines(PAGE), ids=lambda line: line.path)
def test_the_curl_lines_answer(service: HasUrl, line: CurlLine) -> None:
    command = [*line.to(service.url), "--silent", "--show-error", "--fail-with-body"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)


def test_no_command_is_left_out() -> None:
    assert len(QUICKSTARTS) == 2
    assert all(line.startswith("curl ") and ADDRESS in line for line in OTHERS)
