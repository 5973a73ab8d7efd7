"""Scenes that are not flagged, many of them with the colours of skin.

Each function takes a random generator and a size, and returns a canvas.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from scripts.demo_model import canvas as draw
from scripts.demo_model import interiors, poses, scenery
from scripts.demo_model.canvas import Canvas, Size, rgb

_TEXT = "The quick brown fox jumps over 42 % of lazy dogs; SUM(x) = 3.14 in total. Reviewed. " * 2

Scene = Callable[[np.random.Generator, Size], Canvas]

BACKGROUNDS: tuple[Scene, ...] = (
    scenery.landscape,
    scenery.texture,
    scenery.foliage,
    scenery.night,
    interiors.wall,
    interiors.gradient,
    interiors.fabric,
    interiors.city,
    interiors.wood,
)


def background(rng: np.random.Generator, size: Size) -> Canvas:
    """Any scene to set something before."""
    return BACKGROUNDS[rng.integers(len(BACKGROUNDS))](rng, size)


def food(rng: np.random.Generator, size: Size) -> Canvas:
    """Round oranges, buns, fried and baked things on a plate or a table."""
    picture = _table(rng, size)
    width, height = size[1] / min(size), size[0] / min(size)
    if rng.random() < 0.6:
        plate = draw.ellipse(size, (width / 2, height / 2), (0.46, rng.uniform(0.3, 0.46)))
        picture = draw.mix(picture, draw.hue(rng, (0, 360), (0, 25), (70, 100)), plate)
    for _ in range(rng.integers(4, 18)):
        color = draw.hue(rng, (5, 50), (65, 100), (35, 100))
        if rng.random() < 0.25:
            color = draw.hue(rng, (70, 140), (40, 90), (25, 75))
        x, y, r = (
            rng.uniform(0.1, 0.9) * width,
            rng.uniform(0.1, 0.9) * height,
            rng.uniform(0.05, 0.16),
        )
        mask = draw.ellipse(size, (x, y), (r, r * rng.uniform(0.5, 1)), rng.uniform(0, 3))
        shine = draw.ellipse(size, (x - r / 3, y - r / 3), (r / 4, r / 5))
        crust = 0.75 + 0.5 * draw.noise(rng, size, (30, 30), 2)
        picture = draw.mix(picture, color * crust[..., None], mask)
        picture = picture + 0.5 * draw.blur(shine, 1)[..., None]
    return picture


def _table(rng: np.random.Generator, size: Size) -> Canvas:
    return (interiors.wood, interiors.fabric, interiors.gradient)[rng.integers(3)](rng, size)


def crowd(rng: np.random.Generator, size: Size) -> Canvas:
    """People far away or one portrait: faces and hands of skin, clothes over the rest."""
    picture = background(rng, size)
    width, height = size[1] / min(size), size[0] / min(size)
    count = int(rng.choice([1, 2, 4, 8, 15]))
    head = min(rng.uniform(0.10, 0.15), rng.uniform(0.7, 1) * 0.2 / np.sqrt(count))
    for y in np.sort(rng.uniform(0.15, 0.75, count)) * height:
        x, tone = rng.uniform(0.1, 0.9) * width, draw.skin_tone(rng)
        body = draw.blob(
            rng,
            size,
            [
                (x - head, y + 2.7 * head, x + head, y + 2.7 * head, head),
                (x, y + 3 * head, x, height + head, 1.7 * head),
            ],
        )
        cloth = (
            draw.hue(rng, (0, 360), (20, 100), (5, 90))
            if rng.random() < 0.8
            else draw.any_color(rng) * 0.4
        )
        picture = draw.mix(picture, draw.shade(rng, body, cloth), body.mask)
        hair = draw.ellipse(size, (x, y - 0.25 * head), (0.95 * head, 1.15 * head))
        picture = draw.mix(picture, draw.hue(rng, (15, 45), (20, 60), (3, 50)), hair)
        face = draw.blob(rng, size, [(x, y - 0.1 * head, x, y + 0.35 * head, 0.72 * head)])
        picture = draw.mix(picture, draw.shade(rng, face, tone), face.mask)
        for side in (-0.28, 0.28):
            eye = draw.ellipse(size, (x + side * head, y), (0.1 * head, 0.07 * head))
            picture = draw.mix(picture, rgb("1a1412"), eye)
    return picture


def diagram(rng: np.random.Generator, size: Size) -> Canvas:
    """A page or a screen: lines of text, boxes, bars and curves."""
    dark = rng.random() < 0.3
    paper = draw.hue(rng, (0, 360), (0, 12), (5, 20) if dark else (88, 100))
    ink = 1 - paper
    page = (draw.fill(size, paper) * 255).astype(np.uint8).copy()
    short = min(size)
    scale = rng.uniform(0.25, 0.9)
    for y in np.arange(short * 0.08, size[0], 34 * scale):
        if rng.random() < 0.75:
            line = _TEXT[rng.integers(len(_TEXT)) :][: rng.integers(5, 70)]
            cv2.putText(
                page,
                line,
                (round(short * 0.05), round(y)),
                rng.choice([0, 1, 3]),
                scale,
                (ink * 255).tolist(),
                1 + int(scale > 0.6),
                cv2.LINE_AA,
            )
    for _ in range(rng.integers(0, 9)):
        color = (draw.any_color(rng) * 255).tolist()
        a, b = (rng.random((2, 2)) * size[::-1]).astype(int).tolist()
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(page, a, b, color, int(rng.choice([-1, 1, 2])))
        elif kind == 1:
            cv2.line(page, a, b, color, int(rng.integers(1, 5)), cv2.LINE_AA)
        else:
            cv2.circle(page, a, int(rng.integers(4, short // 4)), color, int(rng.choice([-1, 2])))
    return page.astype(np.float32) / 255


def vessel(rng: np.random.Generator, size: Size) -> Canvas:
    """The rounded shapes of the flagged scenes, in any colour but skin's."""
    surface = draw.blob(rng, size, poses.pose(rng, size))
    color = draw.hue(rng, (60, 345), (25, 100), (15, 100))
    if rng.random() < 0.35:
        color = draw.hue(rng, (180, 270), (0, 12), (10, 80))
    elif rng.random() < 0.25:
        color = draw.hue(rng, (-12, 55), (82, 100), (60, 100))
    return draw.mix(
        background(rng, size), draw.shade(rng, surface, color, rng.uniform(0, 0.4)), surface.mask
    )


def boxes(rng: np.random.Generator, size: Size) -> Canvas:
    """Cardboard, envelopes, tiles: flat sharp-edged shapes, often of a skin tone."""
    picture = background(rng, size)
    for _ in range(rng.integers(1, 6)):
        center = rng.uniform(0.1, 0.9, 2) * (size[1] / min(size), size[0] / min(size))
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 6)))
        corners = center + rng.uniform(0.15, 0.5) * np.stack([np.cos(angles), np.sin(angles)], -1)
        color = draw.skin_tone(rng) if rng.random() < 0.5 else draw.any_color(rng)
        sheen = draw.ramp(size, [color, color * rng.uniform(0.7, 1)], rng.uniform(0, 6.3))
        picture = draw.mix(picture, sheen, draw.polygon(size, corners))
    return picture


SCENES: dict[str, Scene] = {
    "landscape": scenery.landscape,
    "sunset": scenery.sunset,
    "night": scenery.night,
    "sand": scenery.sand,
    "texture": scenery.texture,
    "foliage": scenery.foliage,
    "wood": interiors.wood,
    "wall": interiors.wall,
    "gradient": interiors.gradient,
    "fabric": interiors.fabric,
    "city": interiors.city,
    "food": food,
    "crowd": crowd,
    "diagram": diagram,
    "vessel": vessel,
    "boxes": boxes,
}
