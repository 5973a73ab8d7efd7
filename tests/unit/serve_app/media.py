"""Media whose fake scores are known: the ``nsfw`` score of a frame is its redness."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

JPEG_TOLERANCE = 0.02
"""How far JPEG's colour conversion may move a flat colour's score."""


def frame(redness: float, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A flat frame; PNG and GIF keep its redness to 1/255."""
    return Image.new("RGB", size, (round(255 * redness), 0, 0))


def still(redness: float, kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    frame(redness, size).save(file, kind)
    return file.getvalue()


def animation(redness: Sequence[float], kind: str = "GIF") -> bytes:
    """One frame for each value, 100 ms each."""
    # Neighbours must differ: encoders merge frames that are equal.
    frames = [frame(value) for value in redness]
    for index, image in enumerate(frames):
        image.putpixel((index % 40, index // 40), (0, 0, 90))
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
"""As much of an MP4 file as tells what it is; the fake finder decodes none."""
