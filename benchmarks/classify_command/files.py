"""A folder of mixed pictures, each of its own."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image

from benchmarks.load import File
from benchmarks.pictures import photograph

_SIZE = (1280, 960)
_SOURCES = 8
_MARGIN = 160
"""Pixels by which the crops of one source may be shifted."""
# Of a hundred files: what a folder of uploads may hold.
_KINDS = ["jpeg"] * 60 + ["small jpeg"] * 15 + ["png"] * 8 + ["webp"] * 12 + ["gif"] * 5
_CONTENT_TYPE = "application/octet-stream"


def make(folder: Path, count: int) -> list[Path]:
    """Writes the files; the same for the same count.

    Args:
        folder: Where; exists.
        count: How many.
    """
    rng = random.Random(0)
    sources = [
        photograph((_SIZE[0] + _MARGIN, _SIZE[1] + _MARGIN), seed) for seed in range(_SOURCES)
    ]
    paths = []
    for index in range(count):
        left, top = rng.randrange(_MARGIN), rng.randrange(_MARGIN)
        box = (left, top, left + _SIZE[0], top + _SIZE[1])
        picture = sources[index % _SOURCES].crop(box)
        paths.append(_write(folder / f"{index:05}", rng.choice(_KINDS), picture))
    return paths


def read(paths: list[Path]) -> list[File]:
    """The files, as the load client sends them."""
    return [File(path.name, _CONTENT_TYPE, path.read_bytes()) for path in paths]


def _write(path: Path, kind: str, picture: Image.Image) -> Path:
    match kind:
        case "png":
            path = path.with_suffix(".png")
            picture.resize((640, 480)).save(path, compress_level=1)
        case "webp":
            path = path.with_suffix(".webp")
            picture.save(path, quality=80, method=0)
        case "gif":
            path = path.with_suffix(".gif")
            frames = [picture.rotate(turn).resize((240, 180)) for turn in (0, 4, 8, 12)]
            frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
        case "small jpeg":
            path = path.with_suffix(".jpg")
            picture.resize((400, 300)).save(path, quality=85)
        case _:
            path = path.with_suffix(".jpg")
            picture.save(path, quality=85)
    return path
