"""What ``performance.reduce_large_jpegs`` costs in accuracy: scores beside transformers' pipeline.

    python -m benchmarks.images.reduced_jpegs

Networks of ten architectures with random weights, more sensitive than trained ones; pictures that
are sharp on purpose. Differences are over all labels and pictures.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model
from deployments.classifier.options import ModelOptions
from deployments.media.fit import fit
from deployments.media.image import OpenImage, open_image
from deployments.media.limits import MediaLimits
from deployments.types import InputSpec, Scores
from tests.assets.models import save
from tests.assets.pictures import pictures, scene
from tests.assets.pipeline import pipeline_scores
from tests.assets.stand_ins import ARCHITECTURES

_ORIENTATION_TAG = 0x0112


def large_jpegs() -> Mapping[str, bytes]:
    """Name → encoded file, nearly each of which an input of 224 pixels needs less than half of."""
    return {
        **{f"photo {n}": _jpeg(scene(1280, 960, 50 + n)) for n in range(6)},
        "wide": _jpeg(scene(1920, 1080, 60), quality=90),
        "tall": _jpeg(scene(1200, 3000, 61), quality=90),
        "progressive": _jpeg(scene(1600, 1200, 62), progressive=True),
        "full chroma": _jpeg(scene(1600, 1200, 63), quality=95, subsampling=0),
        "grey": _jpeg(scene(1600, 1200, 64).convert("L")),
        "cmyk": _jpeg(scene(1600, 1200, 65).convert("CMYK")),
        "turned 180°": _turned(scene(1280, 992, 3), 3),
        "turned 90°": _turned(scene(1280, 992, 3), 6),
        "phone, 12 megapixels": _turned(scene(4032, 3024, 3), 8),
        "odd sides": _jpeg(scene(1601, 1067, 66)),
        "page": _jpeg(_page(1600, 1200)),
        "noise": _jpeg(_noise(1280, 960)),
    }


def _jpeg(image: Image.Image, quality: int = 85, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **options)
    return file.getvalue()


def _turned(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    return _jpeg(image, 92, exif=exif)


def _page(width: int, height: int) -> Image.Image:
    """Small coloured print: as sharp as a JPEG gets, in colours that its chroma cannot hold."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    colours = ("black", "red", "blue", "darkgreen")
    for line, top in enumerate(range(0, height, 12)):
        draw.text((4, top), f"{line} the quick brown fox " * (width // 100), colours[line % 4])
    return image


def _noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(30)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def _by_vigil(model: Model, images: Sequence[OpenImage], inputs: Sequence[InputSpec]) -> Scores:
    frames = [next(image.frames(inputs)).pixels for image in images]
    return np.concatenate([model.scores([fit(frame, model.info.input)[None]]) for frame in frames])


def main() -> None:
    """Print the table."""
    files = large_jpegs()
    images = [open_image(data, MediaLimits()) for data in files.values()]
    ordinary = [next(open_image(data, MediaLimits()).frames()) for data in pictures().values()]
    calibration = [Image.fromarray(f.pixels) for f in ordinary if min(f.pixels.shape) > 1]
    print(f"{len(files)} pictures   whole: median, worst   reduced: median, worst")
    for stand_in in ARCHITECTURES:
        with tempfile.TemporaryDirectory() as folder:
            directory = save(stand_in, Path(folder), calibration)
            expected = pipeline_scores(directory, stand_in.labels, files.values())
            model = Model.load(ModelSource("stand-in", str(directory)), ModelOptions(device="cpu"))
            whole = np.abs(_by_vigil(model, images, ()) - expected)
            reduced = np.abs(_by_vigil(model, images, [model.info.input]) - expected)
        print(
            f"{stand_in.name:14} {np.median(whole):10.1e} {whole.max():8.1e}"
            f"    {np.median(reduced):10.1e} {reduced.max():8.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
