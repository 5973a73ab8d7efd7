"""Stand-in checkpoints and pictures, made once; and the parity table at the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.types import Frame
from tests.assets.models import StandIn, save
from tests.assets.pictures import pictures

_TABLE = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def files() -> Mapping[str, bytes]:
    """Odd and ordinary pictures as a client would upload them."""
    return pictures()


@pytest.fixture(scope="session")
def frames(files: Mapping[str, bytes]) -> Mapping[str, Frame]:
    """The same pictures as this service decodes them."""
    opened = {name: open_image(data, MediaLimits()) for name, data in files.items()}
    return {name: next(image.frames()).pixels for name, image in opened.items()}


@pytest.fixture(scope="session")
def checkpoint(
    frames: Mapping[str, Frame], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[StandIn], Path]:
    """Makes a stand-in's checkpoint once, calibrated on the ordinary pictures."""
    calibration = [Image.fromarray(pixels) for pixels in frames.values() if min(pixels.shape) > 1]
    made: dict[str, Path] = {}

    def make(stand_in: StandIn) -> Path:
        if stand_in.name not in made:
            directory = tmp_path_factory.mktemp("checkpoint")
            made[stand_in.name] = save(stand_in, directory, calibration)
        return made[stand_in.name]

    return make


@pytest.fixture
def report_parity(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Adds one line to the parity table."""
    table = request.config.stash.setdefault(_TABLE, [])

    def report(name: str, spread: float, default: np.ndarray, exact: np.ndarray) -> None:
        table.append(
            f"{name:26} {spread:7.2f}"
            f" {np.median(default):10.1e} {default.max():10.1e}"
            f" {np.median(exact):10.1e} {exact.max():10.1e}"
        )

    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    table = config.stash.get(_TABLE, [])
    if table:
        terminalreporter.section("score difference from pipeline('image-classification')")
        header = f"{'model':26} {'spread':>7} {'median':>10} {'worst':>10}"
        terminalreporter.line(f"{header} {'exact med.':>10} {'worst':>10}")
        for line in table:
            terminalreporter.line(line)
