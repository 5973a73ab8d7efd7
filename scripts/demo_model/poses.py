"""Rounded abstract shapes: capsules that grow into each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scripts.demo_model.canvas import Limbs, Size


def _extent(size: Size) -> tuple[float, float]:
    return size[1] / min(size), size[0] / min(size)


def _trunk(rng: np.random.Generator, size: Size) -> Limbs:
    """One upright or lying mass with two to four limbs."""
    width, height = _extent(size)
    cx, cy = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.6)
    angle, length = rng.uniform(0, np.pi), rng.uniform(0.25, 0.5)
    dx, dy = np.cos(angle) * length, np.sin(angle) * length
    limbs = [(cx - dx, cy - dy, cx + dx, cy + dy, rng.uniform(0.16, 0.28))]
    for end in (-1, 1):
        for _ in range(rng.integers(1, 3)):
            turn = angle + rng.normal(0, 0.7) + (np.pi if end < 0 else 0)
            reach = rng.uniform(0.3, 0.7)
            x0, y0 = cx + end * dx * 0.8, cy + end * dy * 0.8
            x1, y1 = x0 + np.cos(turn) * reach, y0 + np.sin(turn) * reach
            limbs.append((x0, y0, x1, y1, rng.uniform(0.07, 0.14)))
    return limbs


def _cluster(rng: np.random.Generator, size: Size) -> Limbs:
    """Three to seven round masses that grow into each other."""
    width, height = _extent(size)
    limbs = []
    for _ in range(rng.integers(3, 8)):
        x, y = width * rng.uniform(0.15, 0.85), height * rng.uniform(0.15, 0.85)
        limbs.append((x, y, x + rng.normal(0, 0.1), y + rng.normal(0, 0.1), rng.uniform(0.14, 0.3)))
    return limbs


def _close_up(rng: np.random.Generator, size: Size) -> Limbs:
    """One or two masses that run out of the picture."""
    width, height = _extent(size)
    limbs = []
    for _ in range(rng.integers(1, 3)):
        angle, reach = rng.uniform(0, np.pi), rng.uniform(0.3, 1.0)
        x, y = width * rng.uniform(0.2, 0.8), height * rng.uniform(0.2, 0.8)
        dx, dy = np.cos(angle) * reach, np.sin(angle) * reach
        limbs.append((x - dx, y - dy, x + dx, y + dy, rng.uniform(0.3, 0.5)))
    return limbs


def _pair(rng: np.random.Generator, size: Size) -> Limbs:
    """Two trunks side by side."""
    width, height = _extent(size)
    limbs = []
    for side in (0.3, 0.7):
        x = width * side + rng.normal(0, 0.05)
        y, length = height * rng.uniform(0.45, 0.6), height * rng.uniform(0.2, 0.4)
        lean = rng.normal(0, 0.15)
        limbs.append((x - lean, y - length, x + lean, y + length, rng.uniform(0.14, 0.22) * width))
        limbs.append(
            (x, y, x + rng.normal(0, 0.3), y + rng.uniform(0.1, 0.4), rng.uniform(0.06, 0.1))
        )
    return limbs


_POSES: tuple[Callable[[np.random.Generator, Size], Limbs], ...] = (
    _trunk,
    _cluster,
    _close_up,
    _pair,
)


def pose(rng: np.random.Generator, size: Size) -> Limbs:
    """One shape of any kind."""
    return _POSES[rng.integers(len(_POSES))](rng, size)
