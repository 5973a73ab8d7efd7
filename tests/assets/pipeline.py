"""What transformers' own pipeline says of some files: the reference for scores."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import transformers
from PIL import Image

from deployments.types import Scores


def pipeline_scores(directory: Path, labels: Sequence[str], files: Iterable[bytes]) -> Scores:
    """``[files, labels]``, on the CPU, from a checkpoint in a directory."""
    pipe = transformers.pipeline(
        "image-classification", model=str(directory), image_processor=str(directory), device="cpu"
    )
    rows = []
    for data in files:
        answer = pipe(Image.open(io.BytesIO(data)), top_k=len(labels))
        scores = {entry["label"]: entry["score"] for entry in answer}
        rows.append([scores[label] for label in labels])
    return np.asarray(rows, np.float32)
