"""Drawing primitives on float canvases.

A ``Canvas`` is ``[H, W, 3]`` float32 RGB, 0…1; a ``Mask`` is ``[H, W]`` float32, 0…1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Canvas: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.float32]
Color: TypeAlias = npt.NDArray[np.float32]
Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

Limbs: TypeAlias = list[tuple[float, float, float, float, float]]
"""Capsules: ``x0, y0, x1, y1, radius`` of each, in units of the shorter side."""

SKIN_TONES = [
    "f6ede4",
    "f3e7db",
    "f7ead0",
    "eadaba",
    "d7bd96",
    "a07e56",
    "825c43",
    "604134",
    "3a312a",
]
"""The Monk Skin Tone scale (Ellis Monk, https://skintone.google), lightest first, without its
tenth tone, which cannot be told from the dark of a night scene."""


def rgb(text: str) -> Color:
    """A colour from six hexadecimal digits."""
    return np.frombuffer(bytes.fromhex(text), np.uint8).astype(np.float32) / 255


def skin_tone(rng: np.random.Generator) -> Color:
    """A tone between two neighbours of the scale, pinker or yellower by chance."""
    position = rng.uniform(0, len(SKIN_TONES) - 1.001)
    low = int(position)
    tone = rgb(SKIN_TONES[low]) * (1 - position + low) + rgb(SKIN_TONES[low + 1]) * (position - low)
    depth = 1 - tone.mean()
    warmth = rng.uniform(0, 1) * np.float32([0.02, -0.06, -0.08]) * (0.5 + depth)
    return np.clip(tone + warmth + rng.normal(0, 0.008, 3), 0.02, 0.98).astype(np.float32)


def hue(rng: np.random.Generator, hues: tuple[float, float], s: Size, v: Size) -> Color:
    """A colour by hue in degrees, and saturation and value in percent, each from a range."""
    hsv = np.float32([[[rng.uniform(*hues) % 360, rng.uniform(*s) / 100, rng.uniform(*v) / 100]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


def any_color(rng: np.random.Generator) -> Color:
    """Any colour at all."""
    return hue(rng, (0, 360), (0, 100), (5, 100))


def fill(size: Size, color: Color) -> Canvas:
    """A canvas of one colour."""
    return np.broadcast_to(color, (*size, 3)).astype(np.float32)


def noise(
    rng: np.random.Generator, size: Size, cells: tuple[float, float], octaves: int = 1
) -> Mask:
    """Smooth noise, 0…1, with about ``cells`` bumps down and across; each octave doubles them."""
    total = np.zeros(size, np.float32)
    for octave in range(octaves):
        rows, columns = (
            min(max(2, round(c * 2**octave)), n) for c, n in zip(cells, size, strict=True)
        )
        grid = rng.random((rows + 1, columns + 1), np.float32)
        total += cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def axes(size: Size) -> tuple[Mask, Mask]:
    """``y`` and ``x`` of every pixel, in units of the shorter side."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return y / min(size), x / min(size)


def mix(canvas: Canvas, paint: Canvas | Color, mask: Mask) -> Canvas:
    """``paint`` over ``canvas`` where ``mask`` is 1."""
    return canvas + (paint - canvas) * mask[..., None]


def ramp(size: Size, stops: Sequence[Color], angle: float = 0.0) -> Canvas:
    """A gradient through ``stops`` from top to bottom, turned by ``angle`` radians."""
    y, x = axes(size)
    t = y * np.cos(angle) + x * np.sin(angle)
    t = (t - t.min()) / max(float(np.ptp(t)), 1e-6)
    knots = np.linspace(0, 1, len(stops))
    channels = [np.interp(t, knots, [stop[c] for stop in stops]) for c in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def blur(mask: Mask, percent: float) -> Mask:
    """A mask or canvas softened by a Gaussian whose sigma is a percentage of the shorter side."""
    return cv2.GaussianBlur(mask, (0, 0), min(mask.shape[:2]) * percent / 100)


def polygon(size: Size, points: npt.ArrayLike, softness: float = 0.7) -> Mask:
    """A filled polygon; ``points`` are ``(x, y)`` in units of the shorter side."""
    mask = np.zeros(size, np.uint8)
    pixels = np.round(np.asarray(points) * min(size)).astype(np.int32)
    cv2.fillPoly(mask, [pixels], 255)
    return cv2.GaussianBlur(mask, (0, 0), softness).astype(np.float32) / 255


def ellipse(
    size: Size, center: tuple[float, float], radii: tuple[float, float], turn: float = 0.0
) -> Mask:
    """A filled ellipse with a soft edge; ``(x, y)``, radii in units of the shorter side."""
    mask = np.zeros(size, np.uint8)
    pixels = 16 * min(size)
    x, y, a, b = (round(value * pixels) for value in (*center, *radii))
    cv2.ellipse(
        mask, (x, y), (a, b), float(np.degrees(turn)), 0, 360, 255, -1, cv2.LINE_AA, shift=4
    )
    return mask.astype(np.float32) / 255


@dataclass(frozen=True)
class Blob:
    """A rounded shape: where it lies, and how its surface catches the light."""

    mask: Mask
    light: Mask
    """About 1 where the surface faces the light, less towards the shade."""

    @property
    def coverage(self) -> float:
        """Share of the canvas that it covers, 0…1."""
        return float(self.mask.mean())


def blob(rng: np.random.Generator, size: Size, limbs: Limbs) -> Blob:
    """A smooth union of capsules, lit from one side.

    Args:
        rng: Draws the light's direction.
        size: The canvas's size.
        limbs: What it is made of.
    """
    half = (size[0] // 2, size[1] // 2)
    y, x = axes(half)
    sharpness = 14.0
    field = np.zeros(half, np.float32)
    for x0, y0, x1, y1, radius in limbs:
        ux, uy = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * ux + (y - y0) * uy) / (ux * ux + uy * uy + 1e-6), 0, 1)
        distance = np.hypot(x - x0 - t * ux, y - y0 - t * uy)
        field += np.exp(np.clip((radius - distance) * sharpness, -30, 10))
    depth = cv2.resize(np.log(field + 1e-9) / sharpness, size[::-1])
    mask = np.clip(depth * min(size) + 0.5, 0, 1)
    height = np.sqrt(np.clip(depth, 0, None) * 2 * max(limb[4] for limb in limbs) + 1e-4)
    height = cv2.GaussianBlur(height, (0, 0), min(size) / 60)
    slope_y, slope_x = (g * min(size) for g in np.gradient(height))
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2)
    normal = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    lambert = normal * (
        np.sin(elevation)
        - np.cos(elevation) * (slope_x * np.cos(azimuth) + slope_y * np.sin(azimuth))
    )
    return Blob(mask.astype(np.float32), np.clip(lambert, 0, 1).astype(np.float32))


def shade(rng: np.random.Generator, surface: Blob, color: Color, gloss: float = 0.0) -> Canvas:
    """The colour of a lit surface: redder in the shade, as skin is; ``gloss`` adds highlights."""
    ambient = rng.uniform(0.45, 0.7)
    light = (ambient + (1.1 - ambient) * surface.light)[..., None]
    tint = np.power(np.clip(light, 0.05, 1.2), np.float32([0.85, 1.1, 1.2]))
    mottle = 1 + 0.05 * (noise(rng, surface.mask.shape, (6, 6), 2) - 0.5)[..., None]
    return color * tint * mottle + gloss * (surface.light**20)[..., None]
