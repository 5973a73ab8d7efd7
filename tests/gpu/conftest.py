"""The GPU, or why the tests skip. ``VIGIL_GPU_TESTS=require`` makes its absence a failure.

Nothing here needs more than pytest, torch, transformers, Pillow and NumPy, so that these tests run
on a borrowed machine, too.
"""

from __future__ import annotations

import os

import pytest
import torch


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    if os.environ.get("VIGIL_GPU_TESTS") == "require":
        pytest.fail("VIGIL_GPU_TESTS=require, but torch finds no CUDA device")
    pytest.skip("torch finds no CUDA device")
