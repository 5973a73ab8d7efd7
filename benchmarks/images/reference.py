"""The scores that every system must agree with: those of ``transformers.pipeline`` in float32.

python -m benchmarks.images.reference MODEL OUTPUT FILE…
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks.images import zero
from benchmarks.images.agreement import References

ZERO = "zero"
"""Given in place of a checkpoint's directory: the model of `benchmarks.images.zero`."""


def references(model: str, files: Sequence[Path]) -> References:
    """Scores of every label of every file."""
    return _of_zero(files) if model == ZERO else _of_pipeline(model, files)


def _of_pipeline(model: str, files: Sequence[Path]) -> References:
    import torch
    import transformers

    pipeline = transformers.pipeline("image-classification", model=model, dtype=torch.float32)
    scores: dict[str, dict[str, float]] = {}
    for file in files:
        entries = pipeline(Image.open(file), top_k=None)
        scores[file.name] = {entry["label"]: entry["score"] for entry in entries}
    return scores


def _of_zero(files: Sequence[Path]) -> References:
    """What a pipeline would do, in Pillow and NumPy."""
    import numpy as np

    weight = zero.weights()
    scores: dict[str, dict[str, float]] = {}
    for file in files:
        image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        resized = image.resize((zero.PIXELS, zero.PIXELS), Image.Resampling.BILINEAR)
        row = zero.scores(np.asarray(resized)[None], weight)[0]
        scores[file.name] = dict(zip(zero.LABELS, map(float, row), strict=True))
    return scores


def main() -> None:
    """Write the references of one model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("output", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    scores = references(arguments.model, arguments.files)
    arguments.output.write_text(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
