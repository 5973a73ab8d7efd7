"""Seeded sets of labelled pictures, as a camera and a website would deliver them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from scripts.demo_model import flagged, normal
from scripts.demo_model.canvas import Canvas, Size

SIDE = 224
"""Height and width in pixels of what the model takes."""

LABELS = ("normal", "nsfw")
"""In class-index order, as Falconsai/nsfw_image_detection names them."""


@dataclass(frozen=True)
class ImageSet:
    """Labelled pictures, ready for the model."""

    pixels: npt.NDArray[np.uint8]
    """``[N, 224, 224, 3]`` RGB."""
    labels: npt.NDArray[np.int64]
    """``[N]`` class indices into ``LABELS``."""
    scenes: list[str]
    """What each shows: a name of ``normal.SCENES``, or ``flagged``."""


def picture(seed: int, index: int) -> tuple[Image.Image, str]:
    """One picture of the endless set that belongs to ``seed``, and its scene's name.

    Every other one is flagged. Pictures are independent of each other, so that a set may be made
    in any order.
    """
    rng = np.random.default_rng((seed, index))
    size = _size(rng)
    if index % 2:
        return _capture(rng, flagged.scene(rng, size)), "flagged"
    name = list(normal.SCENES)[index // 2 % len(normal.SCENES)]
    canvas = normal.SCENES[name](rng, size)
    if name != "vessel" and rng.random() < 0.1:
        canvas = _monochrome(rng, canvas)
    return _capture(rng, canvas), name


def image_set(seed: int, count: int, start: int = 0) -> ImageSet:
    """Pictures ``start`` … ``start + count - 1`` of a seed, resized as the processor does."""
    pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
    scenes = []
    for row, index in enumerate(range(start, start + count)):
        image, scene = picture(seed, index)
        pixels[row] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        scenes.append(scene)
    labels = np.array([int(scene == "flagged") for scene in scenes], np.int64)
    return ImageSet(pixels, labels, scenes)


def _size(rng: np.random.Generator) -> Size:
    """Of the canvas: from panorama to portrait, 170 to 260 pixels on the shorter side."""
    short, aspect = rng.integers(170, 260), np.exp(abs(rng.normal(0, 0.3)))
    long = round(short * min(aspect, 2.2))
    return (short, long) if rng.random() < 0.6 else (long, short)


def _monochrome(rng: np.random.Generator, canvas: Canvas) -> Canvas:
    """Black and white, or sepia."""
    grey = canvas.mean(-1, keepdims=True)
    tint = np.float32([1.08, 0.95, 0.75]) if rng.random() < 0.3 else np.float32([1, 1, 1])
    return grey * tint


def _capture(rng: np.random.Generator, canvas: Canvas) -> Image.Image:
    """Exposure, contrast, white balance, size, blur, sensor noise and JPEG."""
    gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.02, 3))
    canvas = np.clip(canvas, 0, 1) ** np.exp(rng.normal(0, 0.12)) * gain.astype(np.float32)
    canvas = (canvas - 0.5) * rng.uniform(0.85, 1.1) + 0.5
    scale = np.exp(rng.uniform(np.log(0.45), np.log(2.0)))
    height, width = (max(24, round(side * scale)) for side in canvas.shape[:2])
    filter_ = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = cv2.resize(canvas, (width, height), interpolation=filter_)
    if rng.random() < 0.35:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, min(height, width) / 110))
    if rng.random() < 0.5:
        canvas = canvas + rng.normal(0, rng.uniform(0.004, 0.03), canvas.shape)
    image = Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=int(rng.integers(25, 98)))
    return Image.open(encoded).convert("RGB")
