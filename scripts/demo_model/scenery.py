"""Nature: land, sky, sand, plants, stone; none of it flagged.

Each function takes a random generator and a size, and returns a canvas.
"""

from __future__ import annotations

import cv2
import numpy as np

from scripts.demo_model import canvas as draw
from scripts.demo_model.canvas import Canvas, Size


def landscape(rng: np.random.Generator, size: Size) -> Canvas:
    """Sky, clouds, and three to five ridges of green, blue, grey or ochre hills."""
    sky = [
        draw.hue(rng, (195, 225), (20, 70), (60, 100)),
        draw.hue(rng, (30, 220), (0, 30), (75, 100)),
    ]
    picture = draw.ramp(size, sky)
    clouds = np.clip(draw.noise(rng, size, (3, 4), 4) * 2.4 - 1.3, 0, 1) * rng.uniform(0.2, 0.9)
    picture = draw.mix(picture, np.float32([0.97, 0.97, 0.98]), clouds)
    base = rng.choice([35.0, 100.0, 140.0, 210.0])
    count = rng.integers(3, 6)
    for layer in range(count):
        near = (layer + 1) / count
        color = draw.hue(
            rng, (base - 25, base + 25), (15, 30 + 35 * near), (65 - 40 * near, 80 - 35 * near)
        )
        picture = _ridge(rng, picture, 0.35 + 0.55 * layer / count, color, 0.3 * near)
    return picture


def _ridge(
    rng: np.random.Generator, picture: Canvas, level: float, color: draw.Color, grain: float
) -> Canvas:
    """A hill's silhouette from ``level`` (0 top, 1 bottom) downwards."""
    height, width = size = picture.shape[:2]
    profile = draw.noise(rng, (2, width), (1, rng.uniform(2, 6)), 4)[0]
    edge = (level - 0.16 * (profile - 0.5)) * height
    mask = np.clip(np.arange(height, dtype=np.float32)[:, None] - edge[None] + 0.5, 0, 1)
    texture = 1 - grain + 2 * grain * draw.noise(rng, size, (18, 18), 3)
    return draw.mix(picture, color * texture[..., None], mask)


def sunset(rng: np.random.Generator, size: Size) -> Canvas:
    """Red and orange sky, a low sun, a dark foreground or its mirror image in water."""
    stops = [
        draw.hue(rng, (220, 300), (20, 60), (20, 60)),
        draw.hue(rng, (330, 375), (40, 80), (55, 90)),
        draw.hue(rng, (15, 40), (50, 90), (80, 100)),
        draw.hue(rng, (35, 55), (20, 70), (90, 100)),
    ]
    picture = draw.ramp(size, stops[rng.integers(0, 2) :])
    streaks = np.clip(draw.noise(rng, size, (8, 2), 3) * 2 - 1, 0, 1) * rng.uniform(0.2, 0.8)
    picture = draw.mix(picture, draw.hue(rng, (330, 400), (30, 70), (40, 100)), streaks)
    width, height = size[1] / min(size), size[0] / min(size)
    radius, horizon = rng.uniform(0.04, 0.12), rng.uniform(0.55, 0.85)
    sun = draw.ellipse(
        size, (width * rng.uniform(0.2, 0.8), height * horizon * 0.9), (radius, radius)
    )
    glow = np.clip(draw.blur(sun, 10) * 3, 0, 1)
    picture = draw.mix(picture + 0.25 * glow[..., None], np.float32([1, 0.95, 0.75]), sun)
    edge = round(size[0] * horizon)
    if rng.random() < 0.5:
        water = cv2.resize(picture[:edge][::-1], (size[1], size[0] - edge))
        waves = 0.5 + 0.5 * draw.noise(rng, water.shape[:2], (25, 3), 2)
        picture[edge:] = water * waves[..., None] * 0.9
        return picture
    return _ridge(rng, picture, horizon, draw.hue(rng, (0, 360), (10, 50), (2, 15)), 0.2)


def night(rng: np.random.Generator, size: Size) -> Canvas:
    """Darkness with lamps, windows, glow and noise of the sensor."""
    picture = draw.ramp(
        size,
        [draw.hue(rng, (200, 290), (20, 80), (1, 18)), draw.hue(rng, (0, 360), (10, 60), (2, 22))],
    )
    picture = _ridge(
        rng, picture, rng.uniform(0.4, 0.8), draw.hue(rng, (0, 360), (0, 50), (1, 10)), 0.1
    )
    width, height = size[1] / min(size), size[0] / min(size)
    lamps = np.zeros_like(picture)
    for _ in range(rng.integers(3, 30)):
        r = float(np.exp(rng.uniform(np.log(0.004), np.log(0.05))))
        center = (rng.uniform(0, width), rng.uniform(0, height))
        lamp = draw.ellipse(size, center, (r, r * rng.uniform(0.6, 1.6)))
        warm = rng.random() < 0.7
        color = draw.hue(rng, (20, 60), (10, 80), (70, 100)) if warm else draw.any_color(rng)
        lamps = draw.mix(lamps, color, lamp)
    picture = picture + lamps + 1.5 * draw.blur(lamps, 4)
    return picture + rng.normal(0, rng.uniform(0, 0.05), picture.shape).astype(np.float32)


def sand(rng: np.random.Generator, size: Size) -> Canvas:
    """Beach or desert sand: skin-like in colour, with ripples, dunes and grain."""
    color = draw.hue(rng, (22, 45), (18, 55), (50, 95))
    y, x = draw.axes(size)
    turn, waves = rng.uniform(0, np.pi), rng.uniform(15, 60)
    warp = draw.noise(rng, size, (4, 4), 2) * rng.uniform(0.1, 0.5)
    ripple = np.sin((x * np.cos(turn) + y * np.sin(turn) + warp) * waves) * rng.uniform(0, 0.16)
    dunes = (draw.noise(rng, size, (2, 3), 2) - 0.5) * rng.uniform(0.1, 0.5)
    grain = rng.normal(0, rng.uniform(0.03, 0.12), size).astype(np.float32)
    picture = color * (1 + ripple + dunes + grain)[..., None]
    if rng.random() < 0.4:
        level = rng.uniform(0.2, 0.6)
        far = draw.ramp(
            size,
            [
                draw.hue(rng, (190, 230), (20, 70), (60, 100)),
                draw.hue(rng, (170, 220), (20, 70), (50, 95)),
            ],
        )
        below = np.clip((np.linspace(0, 1, size[0], dtype=np.float32) - level) * 40, 0, 1)
        picture = draw.mix(far, picture, np.repeat(below[:, None], size[1], 1))
    return picture


def texture(rng: np.random.Generator, size: Size) -> Canvas:
    """Noise of any grain between two or three colours: stone, fur, soup, static."""
    cells = float(np.exp(rng.uniform(np.log(2), np.log(120))))
    stretch = float(np.exp(rng.normal(0, 0.6)))
    field = draw.noise(rng, size, (cells * stretch, cells / stretch), int(rng.integers(1, 5)))
    warm = rng.random() < 0.5
    stops = [
        draw.hue(rng, (5, 45), (10, 80), (10, 95)) if warm else draw.any_color(rng)
        for _ in range(3)
    ]
    channels = [np.interp(field, [0, 0.5, 1], [stop[c] for stop in stops]) for c in range(3)]
    picture = np.stack(channels, -1).astype(np.float32)
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(0.02, 0.3), picture.shape).astype(np.float32)
    return picture


def foliage(rng: np.random.Generator, size: Size) -> Canvas:
    """Leaves, grass and flowers."""
    picture = draw.fill(size, draw.hue(rng, (70, 140), (30, 80), (8, 40)))
    width, height = size[1] / min(size), size[0] / min(size)
    flowers = draw.any_color(rng)
    leaf = draw.hue(rng, (40, 150), (30, 85), (25, 85))
    for _ in range(rng.integers(40, 110)):
        r = rng.uniform(0.02, 0.09)
        center = (rng.uniform(0, width), rng.uniform(0, height))
        mask = draw.ellipse(size, center, (r, r * rng.uniform(0.2, 0.6)), rng.uniform(0, 3.2))
        color = flowers if rng.random() < 0.15 else np.clip(leaf * rng.uniform(0.5, 1.3), 0, 1)
        picture = draw.mix(picture, color.astype(np.float32), mask)
    return picture * (0.8 + 0.4 * draw.noise(rng, size, (5, 5), 3))[..., None]
