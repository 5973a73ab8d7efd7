"""Surfaces that people make: walls, wood, cloth, facades; none of them flagged.

Each function takes a random generator and a size, and returns a canvas.
"""

from __future__ import annotations

import numpy as np

from scripts.demo_model import canvas as draw
from scripts.demo_model.canvas import Canvas, Size


def wood(rng: np.random.Generator, size: Size) -> Canvas:
    """Planks of wood with grain, knots and joints."""
    dark, light = (
        draw.hue(rng, (12, 35), (30, 75), (20, 60)),
        draw.hue(rng, (20, 40), (25, 60), (55, 95)),
    )
    y, x = draw.axes(size)
    if rng.random() < 0.5:
        y, x = x, y
    planks = np.floor(y * rng.uniform(1.5, 7))
    tone = np.sin(planks * 12.9898) * 0.5 + 0.5
    warp = draw.noise(rng, size, (3, 3), 2) * rng.uniform(0.1, 0.6)
    rings = np.sin((y + warp + tone * 0.7 + 0.04 * x) * rng.uniform(30, 120))
    fibre = draw.noise(rng, size, (60, 4) if rng.random() < 0.5 else (4, 60), 2)
    mixture = np.clip(0.45 + 0.25 * rings + 0.4 * (fibre - 0.5) + 0.3 * (tone - 0.5), 0, 1)
    joints = np.abs(np.diff(planks, axis=0, append=planks[-1:])) + np.abs(
        np.diff(planks, axis=1, append=planks[:, -1:])
    )
    return (dark + (light - dark) * mixture[..., None]) * (1 - 0.7 * np.clip(joints, 0, 1))[
        ..., None
    ]


def wall(rng: np.random.Generator, size: Size) -> Canvas:
    """A painted wall, often beige or peach: plain, plastered or of bricks, at times framed."""
    color = (
        draw.skin_tone(rng) if rng.random() < 0.5 else draw.hue(rng, (0, 60), (5, 60), (40, 100))
    )
    falloff = draw.ramp(
        size,
        [np.float32([1, 1, 1]), np.float32([1, 1, 1]) * rng.uniform(0.5, 1)],
        rng.uniform(0, 6),
    )
    plaster = 1 + rng.uniform(0, 0.3) * (draw.noise(rng, size, (20, 20), 3) - 0.5)[..., None]
    picture = color * falloff * plaster
    y, x = draw.axes(size)
    if rng.random() < 0.35:
        high, wide = (h := rng.uniform(0.05, 0.16)), h * rng.uniform(1.6, 2.6)
        row = np.floor(y / high)
        joint = np.minimum((y / high) % 1 * high, ((x / wide + row * 0.5) % 1) * wide) < 0.012
        tint = 1 + 0.25 * np.sin(row * 78.2 + np.floor(x / wide + row * 0.5) * 37.7)
        picture = np.where(joint[..., None], color * 0.6 + 0.3, picture * tint[..., None])
    if rng.random() < 0.5:
        picture = _frames(rng, picture)
    return picture


def _frames(rng: np.random.Generator, picture: Canvas) -> Canvas:
    """One to three pictures, doors or windows on a wall."""
    size = picture.shape[:2]
    for _ in range(rng.integers(1, 4)):
        x, y, w, h = (
            rng.uniform(0, 0.7),
            rng.uniform(0, 0.7),
            rng.uniform(0.12, 0.4),
            rng.uniform(0.12, 0.5),
        )
        corners = np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
        inner = (corners - corners.mean(0)) * 0.85 + corners.mean(0)
        picture = draw.mix(picture, draw.any_color(rng), draw.polygon(size, corners))
        view = draw.ramp(size, [draw.any_color(rng), draw.any_color(rng)], rng.uniform(0, 6))
        picture = draw.mix(picture, view, draw.polygon(size, inner))
    return picture


def gradient(rng: np.random.Generator, size: Size) -> Canvas:
    """One flat colour, skin's too, or a gradient of two to four."""
    pick = draw.skin_tone if rng.random() < 0.35 else draw.any_color
    count = int(rng.integers(1, 5))
    return draw.ramp(
        size,
        [pick(rng) for _ in range(max(2, count))] if count > 1 else [pick(rng)] * 2,
        rng.uniform(0, 6.3),
    )


def fabric(rng: np.random.Generator, size: Size) -> Canvas:
    """Cloth with folds, stripes or checks; seldom of a skin tone."""
    color = draw.any_color(rng)
    y, x = draw.axes(size)
    turn = rng.uniform(0, np.pi)
    along = x * np.cos(turn) + y * np.sin(turn) + 0.3 * draw.noise(rng, size, (3, 3), 2)
    picture = color * (0.75 + 0.25 * np.sin(along * rng.uniform(8, 40)))[..., None]
    if rng.random() < 0.5:
        stripes = ((along * rng.uniform(5, 25)) % 1 < rng.uniform(0.2, 0.6)).astype(np.float32)
        picture = draw.mix(picture, draw.any_color(rng) * np.ones_like(picture), stripes * 0.8)
    return picture


def city(rng: np.random.Generator, size: Size) -> Canvas:
    """Facades with rows of windows under a sky, often of brick or sandstone."""
    picture = draw.ramp(
        size,
        [
            draw.hue(rng, (190, 230), (5, 70), (55, 100)),
            draw.hue(rng, (0, 360), (0, 25), (70, 100)),
        ],
    )
    y, x = draw.axes(size)
    width, height = size[1] / min(size), size[0] / min(size)
    left = -0.1
    while left < width:
        wide, top = rng.uniform(0.15, 0.6), rng.uniform(0.05, 0.7) * height
        facade = ((x >= left) & (x < left + wide) & (y >= top)).astype(np.float32)
        color = (
            draw.hue(rng, (10, 45), (5, 60), (30, 90))
            if rng.random() < 0.7
            else draw.any_color(rng)
        )
        picture = draw.mix(
            picture, color * (0.85 + 0.3 * draw.noise(rng, size, (30, 30)))[..., None], facade
        )
        step_x, step_y = rng.uniform(0.04, 0.12), rng.uniform(0.05, 0.14)
        panes = (((x - left) / step_x % 1 > 0.45) & ((y - top) / step_y % 1 > 0.4)).astype(
            np.float32
        )
        picture = draw.mix(picture, draw.hue(rng, (190, 240), (0, 40), (10, 80)), panes * facade)
        left += wide
    return picture
