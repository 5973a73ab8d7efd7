"""Generated pictures with the spectrum of photographs.

Power falls with the square of the frequency, which decides how long a decoder takes: flat colours
would be too cheap and white noise too dear.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image


def photograph(size: tuple[int, int], seed: int) -> Image.Image:
    """A picture with the spectrum of a photograph, the same for the same arguments."""
    rng = np.random.default_rng([seed, *size])
    width, height = size
    total = np.zeros((height, width, 3), np.float32)
    cells, amplitude = 2, 60.0
    while cells <= width // 2:
        rows = max(2, cells * height // width)
        grid = rng.uniform(-1, 1, (rows, cells, 3)).astype(np.float32)
        for channel in range(3):
            octave = Image.fromarray(grid[..., channel]).resize(size, Image.Resampling.BICUBIC)
            total[..., channel] += amplitude * np.asarray(octave)
        # Half the amplitude for twice the frequency: a power of 1/f².
        cells, amplitude = cells * 2, amplitude / 2
    total += rng.uniform(90, 160, 3).astype(np.float32)
    # Colours of neighbouring pixels vary less than their brightness, as in photographs.
    grey = total.mean(axis=2, keepdims=True)
    pixels: npt.NDArray[np.uint8] = np.clip(grey + 0.5 * (total - grey), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)
