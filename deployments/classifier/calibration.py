"""Pictures that show what a change to a network does to its scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from deployments.types import Frame, Frames

CALIBRATION_FRAMES = 16
"""Tell roughly how far scores move."""

_OCTAVES = 8
"""From blots of half of a frame to its single pixels at 224."""


def calibration_frames(height: int, width: int, count: int = CALIBRATION_FRAMES) -> Frames:
    """``[count, height, width, 3]`` uint8, the same at every call.

    Each has detail of every size, as photographs have (about as much contrast in each octave),
    in a mix, a contrast and colours of its own, so that scores differ from frame to frame. Nothing
    is downloaded, and no one's pictures lie in the package.
    """
    rng = np.random.default_rng(0)
    return np.stack([_frame(height, width, rng) for _ in range(count)])


def _frame(height: int, width: int, rng: np.random.Generator) -> Frame:
    detail = np.zeros((height, width, 3), np.float32)
    for octave in range(1, _OCTAVES + 1):
        side = 2**octave
        grey, colours = rng.normal(size=(side, side, 1)), rng.normal(size=(side, side, 3))
        blots = (grey + colours / 2) * rng.uniform(0.2, 1)
        detail += np.stack([_resized(blots[..., c], height, width) for c in range(3)], axis=-1)
    contrast, brightness = rng.uniform(25, 70), rng.uniform(60, 190)
    levels = detail / detail.std() * contrast + brightness + rng.uniform(-40, 40, 3)
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


def _resized(plane: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float32]:
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
