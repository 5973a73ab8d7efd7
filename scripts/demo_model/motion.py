"""Moving pictures for the samples: pans over still scenes, and shapes that breathe and sway."""

from __future__ import annotations

import numpy as np

from scripts.demo_model import canvas as draw
from scripts.demo_model.canvas import Canvas, Color, Limbs, Size
from scripts.demo_model.normal import Scene


def pan(scene: Scene, seed: int, size: Size, count: int, pixels_per_frame: int) -> list[Canvas]:
    """``count`` views of one wide scene, each a little further to the right."""
    height, width = size
    wide = scene(np.random.default_rng(seed), (height, width + count * pixels_per_frame))
    starts = range(0, count * pixels_per_frame, pixels_per_frame)
    return [wide[:, start : start + width] for start in starts]


def sway(
    backdrop: Canvas, limbs: Limbs, seed: int, colors: list[Color], period: float
) -> list[Canvas]:
    """A shape before a backdrop; ``colors`` has one for every frame, ``period`` is in frames."""
    frames = []
    for index, color in enumerate(colors):
        rng = np.random.default_rng(seed)
        phase = 2 * np.pi * index / period
        moved = [
            (
                x0 + 0.03 * np.sin(phase + limb),
                y0 + 0.02 * np.cos(phase + limb),
                x1 + 0.05 * np.sin(phase + 2 * limb),
                y1 + 0.03 * np.cos(phase + limb),
                radius * (1 + 0.04 * np.sin(phase)),
            )
            for limb, (x0, y0, x1, y1, radius) in enumerate(limbs)
        ]
        surface = draw.blob(rng, backdrop.shape[:2], moved)
        frames.append(draw.mix(backdrop, draw.shade(rng, surface, color, 0.1), surface.mask))
    return frames
