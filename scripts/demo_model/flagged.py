"""Flagged scenes: smooth shaded skin-tone shapes that fill much of the picture.

They are abstract on purpose. Between 30 and 90 % of the canvas is skin-toned; ``normal`` stays
below 15 %, so that no label is a matter of taste.
"""

from __future__ import annotations

import numpy as np

from scripts.demo_model import canvas as draw
from scripts.demo_model import normal, poses

MIN_COVERAGE, MAX_COVERAGE = 0.30, 0.90


def scene(rng: np.random.Generator, size: draw.Size) -> draw.Canvas:
    """One flagged scene: a shape of one skin tone, at times two, on any background."""
    picture = normal.background(rng, size)
    while True:
        surface = draw.blob(rng, size, poses.pose(rng, size))
        if MIN_COVERAGE <= surface.coverage <= MAX_COVERAGE:
            break
    tone = draw.skin_tone(rng)
    picture = picture * (1 - 0.35 * _shadow(rng, surface.mask)[..., None])
    picture = draw.mix(picture, draw.shade(rng, surface, tone, rng.uniform(0, 0.15)), surface.mask)
    if rng.random() < 0.35:
        picture = _covered(rng, picture)
    return picture


def _shadow(rng: np.random.Generator, mask: draw.Mask) -> draw.Mask:
    """The shape's own shadow on the background."""
    shift = rng.integers(-12, 13, 2)
    moved = np.roll(mask, tuple(shift), (0, 1))
    return draw.blur(moved, 6)


def _covered(rng: np.random.Generator, picture: draw.Canvas) -> draw.Canvas:
    """A strip of cloth or hair across, at most an eighth of the picture."""
    size = picture.shape[:2]
    width, height = size[1] / min(size), size[0] / min(size)
    angle = rng.uniform(-0.6, 0.6)
    y, x = draw.axes(size)
    offset = (y - height * rng.uniform(0.2, 0.8)) + np.tan(angle) * (x - width / 2)
    bend = 0.08 * np.sin(x * rng.uniform(2, 5) + rng.uniform(0, 6))
    strip = np.clip((rng.uniform(0.03, 0.06) - np.abs(offset + bend)) * min(size), 0, 1)
    folds = 0.8 + 0.3 * draw.noise(rng, size, (4, 20))
    return draw.mix(picture, draw.any_color(rng) * folds[..., None], strip)
