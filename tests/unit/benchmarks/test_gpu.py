"""The GPU benchmark on the CPU, and where only torch and transformers are installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]

ABSENT = ("simplejpeg", "av", "cv2", "ray", "fastapi", "pillow_heif", "opentelemetry")
"""What a machine for this benchmark need not have."""

WITHOUT = """
import importlib.abc, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = ["gpu", *{arguments}]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def run(*arguments: str, absent: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(absent=set(absent) or "()", arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_it_runs_with_torch_and_transformers_alone_and_says_what_decoded(tmp_path: Path) -> None:
    output = tmp_path / "gpu.json"

    done = run("--device", "cpu", "--quick", "--output", str(output), absent=ABSENT)

    assert done.returncode == 0, done.stderr
    results = json.loads(output.read_text())
    assert results["decoder"] == "Pillow"
    assert results["quick"] is True
    assert results["agrees"] is True
    assert results["device"] == "cpu, which shows nothing"
    [network] = results["outcome"]["networks"]
    assert network["agreement"]["worst"] < 1e-5
    assert [bucket["size"] for bucket in network["buckets"]] == [1, 2, 4]
    rates = [
        *(bucket[kind]["median"] for bucket in network["buckets"] for kind in ("limit", "share")),
        *(step["images_per_second"]["median"] for step in results["outcome"]["decode"]),
        network["whole"]["median"],
        network["whole_share"]["median"],
    ]
    assert min(rates) > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="shows what happens without a CUDA device")
def test_without_a_gpu_nothing_is_written(tmp_path: Path) -> None:
    output = tmp_path / "gpu.json"

    done = run("--quick", "--output", str(output))

    assert done.returncode == 2
    assert "no CUDA device" in done.stderr
    assert not output.exists()
