"""Odd and ordinary pictures, generated: as a client would upload them, so encoded files.

The scenes are asymmetric, coloured and full of fine detail: a wrong rotation, channel order or
resampling filter changes what a model sees of them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

_EXIF_ORIENTATION = 0x0112


def scene(width: int, height: int, seed: int) -> Image.Image:
    """A seeded picture: a colour gradient, stripes, shapes and grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    corners = rng.uniform(20, 235, (2, 2, 3)).astype(np.float32)
    u, v = (x / max(width - 1, 1))[..., None], (y / max(height - 1, 1))[..., None]
    pixels = (corners[0, 0] * (1 - u) + corners[0, 1] * u) * (1 - v)
    pixels += (corners[1, 0] * (1 - u) + corners[1, 1] * u) * v
    angle, period = rng.uniform(0, np.pi), rng.uniform(2.2, 9.0)
    waves = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    pixels += (waves * (x > width * rng.uniform(0.2, 0.7)))[..., None] * rng.uniform(20, 90, 3)
    pixels += rng.normal(0, 12, pixels.shape)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        left, top = rng.uniform(0, 0.8, 2) * (width, height)
        right, bottom = (left, top) + rng.uniform(0.05, 0.4, 2) * (width, height)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((left, top, right, bottom), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
    return image


def _file(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = orientation
    return _file(scene(260, 180, 3), "JPEG", quality=92, exif=exif)


def _grey16() -> bytes:
    levels = np.asarray(scene(150, 110, 5).convert("L")).astype(np.uint16) * 257
    return _file(Image.fromarray(levels))


def _alpha() -> bytes:
    image = scene(140, 190, 6)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return _file(image)


def pictures() -> Mapping[str, bytes]:
    """Name → encoded file."""
    return {
        **{f"orientation {n}": _oriented(n) for n in range(1, 9)},
        "cmyk": _file(scene(200, 150, 4).convert("CMYK"), "JPEG", quality=92),
        "grey": _file(scene(170, 130, 7).convert("L"), "JPEG", quality=92),
        "grey 16 bit": _grey16(),
        "palette": _file(scene(180, 120, 8).convert("P")),
        "alpha": _alpha(),
        "1x1": _file(Image.new("RGB", (1, 1), (200, 90, 30))),
        "1x4000": _file(scene(1, 4000, 9)),
        "4000x1": _file(scene(4000, 1, 10)),
        "smaller": _file(scene(37, 29, 11)),
        **{f"scene {n}": _file(scene(300 + 37 * n, 260 + 13 * n, 20 + n)) for n in range(10)},
        "wide": _file(scene(1280, 300, 40)),
    }
