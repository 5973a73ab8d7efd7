"""Images and animations, generated in memory: the same arguments always give the same pixels.

They are colourful and lopsided, so that a wrong rotation, channel order or filter shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image
from pillow_heif import from_pillow

_PILLOW_NAMES = {
    "jpeg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WEBP",
    "avif": "AVIF",
    "heic": "HEIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "jpeg2000": "JPEG2000",
}

STILL_FORMATS = ("jpeg", "png", "webp", "avif", "heic", "bmp", "tiff", "jpeg2000")
"""Formats of `image_bytes` that are no animation with one frame (as GIF is)."""

ANIMATED_FORMATS = ("gif", "png", "webp", "avif", "tiff")
"""Formats of `animation_bytes`."""


def picture(size: tuple[int, int] = (64, 48), seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A picture of any Pillow mode, ``size`` in width × height.

    ``RGBA`` and ``LA`` are transparent in parts; ``P`` has a palette of 64 colours; ``I;16`` uses
    all 16 bits.
    """
    width, height = size
    rng = np.random.default_rng([seed, width, height])
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    tilt = rng.uniform(0.5, 2.0, 3)
    waves = np.stack(
        [
            np.sin(tilt[0] * 7 * x / width + seed) + x / width,
            np.cos(tilt[1] * 5 * y / height) + y / height,
            np.sin(tilt[2] * 6 * (x / width + 2 * y / height)),
        ],
        axis=-1,
    )
    pixels = np.clip(128 + 80 * waves + rng.normal(0, 6, waves.shape), 0, 255)
    pixels[: max(1, height // 4), : max(1, width // 5)] = rng.uniform(0, 255, 3)
    rgb = Image.fromarray(pixels.astype(np.uint8))
    if mode == "P":
        return rgb.quantize(64)
    if mode == "I;16":
        deep = pixels[..., 0] * 256 + pixels[..., 1]
        return Image.fromarray(deep.astype(np.uint16))
    if mode in ("RGBA", "LA"):
        picture = rgb.convert(mode)
        picture.putalpha(rgb.getchannel("G"))
        return picture
    return rgb.convert(mode)


def image_bytes(
    format: str,  # noqa: A002 - the word for it
    size: tuple[int, int] = (64, 48),
    seed: int = 0,
    *,
    mode: str = "RGB",
    orientation: int | None = None,
    **options: object,
) -> bytes:
    """One picture as a file.

    Args:
        format: As ``ImageFacts.format``.
        size: Width and height in pixels, as stored (before the orientation is applied).
        seed: Another seed, another picture.
        mode: Pillow's name, one that the format can store.
        orientation: EXIF orientation to write, 1…8.
        **options: Passed to Pillow's encoder.
    """
    image = picture(size, seed, mode)
    if orientation is not None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        options["exif"] = exif.tobytes()
    return _saved(image, format, **options)


def animation_bytes(
    format: str,  # noqa: A002 - the word for it
    frames: int = 4,
    size: tuple[int, int] = (48, 32),
    seed: int = 0,
    *,
    durations_ms: Sequence[int] | int = 80,
    mode: str = "RGB",
    **options: object,
) -> bytes:
    """An animation whose frames all differ.

    Args:
        format: ``gif``, ``png`` (APNG), ``webp``, ``avif`` or ``tiff`` (pages, without durations).
        frames: How many.
        size: Width and height in pixels.
        seed: Another seed, other frames.
        durations_ms: How long each frame shows, or all of them.
        mode: Pillow's name, one that the format can store.
        **options: Passed to Pillow's encoder.
    """
    pictures = [picture(size, seed + i, mode) for i in range(frames)]
    if format != "tiff":
        single = isinstance(durations_ms, int) or frames == 1
        options["duration"] = durations_ms if single else list(durations_ms)  # type: ignore[arg-type]
    options |= {"save_all": True, "append_images": pictures[1:]}
    return _saved(pictures[0], format, **options)


def _saved(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    file = BytesIO()
    if format == "heic":
        heif = from_pillow(image)
        heif.save(file, **({"quality": 90} | options))
    else:
        image.save(file, _PILLOW_NAMES[format], **options)
    return file.getvalue()
