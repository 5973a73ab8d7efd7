"""What the frames of the measured clips show.

A camera pans over a photograph-like scene, with grain that differs from frame to frame as a
sensor's does. While a clip is flagged the same scene is tinted, so that every second of a clip
costs the same to decode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.pictures import photograph

Pixels: TypeAlias = npt.NDArray[np.uint8]
Painter: TypeAlias = Callable[[int, int, int], Pixels]
"""From (index, height, width) to RGB pixels ``[height, width, 3]``."""

_MARGIN = 1.25
"""The scene is so many times as large as a frame."""
_TINT = np.array([[1.0, 0.2, 0.2], [0.0, 0.55, 0.0], [0.0, 0.0, 0.45]], np.float32)
"""Towards red, at about the same brightness."""
_GRAIN_SHIFT = 64
"""Every frame gets another part of the grain, moved by up to so many pixels: an encoder must not
find it again in the frames before."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How a clip looks."""

    flagged: range
    """Frames that are tinted."""
    moves: bool = True
    """Whether the camera pans."""
    grain: float = 2.0
    """Standard deviation of the grain in grey levels."""
    seed: int = 0


def painter(scene: Scene, height: int, width: int) -> Painter:
    """Paints the frames of a scene at one size."""
    size = (round(width * _MARGIN), round(height * _MARGIN))
    normal = np.asarray(photograph(size, scene.seed))
    tinted = tint(normal)
    rng = np.random.default_rng(scene.seed)
    grain_size = (height + _GRAIN_SHIFT, width + _GRAIN_SHIFT, 1)
    grain = np.repeat(rng.normal(0, scene.grain, grain_size).round().astype(np.int16), 3, 2)

    def paint(index: int, height: int, width: int) -> Pixels:
        picture = tinted if index in scene.flagged else normal
        top, left = _place(index if scene.moves else 0, size[1] - height, size[0] - width)
        part = picture[top : top + height, left : left + width]
        down, right = rng.integers(_GRAIN_SHIFT, size=2)
        own = grain[down : down + height, right : right + width]
        return np.asarray(cv2.add(part, own, dtype=cv2.CV_8U), np.uint8)

    return paint


def tint(picture: Pixels) -> Pixels:
    """What flagged frames look like."""
    tinted: Pixels = np.clip(picture.astype(np.float32) @ _TINT.T, 0, 255).astype(np.uint8)
    return tinted


def _place(index: int, rows: int, columns: int) -> tuple[int, int]:
    """The camera goes to and fro, some pixels a frame."""
    return _zigzag(index, rows), _zigzag(index * 3, columns)


def _zigzag(at: int, length: int) -> int:
    return length - abs(at % (2 * length) - length) if length else 0
