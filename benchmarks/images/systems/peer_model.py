"""The model as the peers' documentation teaches to use it: Pillow, the processor, the network."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Protocol, TypeAlias

import numpy as np
import torch
import transformers
from PIL import Image, ImageOps

from benchmarks.images import zero
from benchmarks.images.reference import ZERO
from deployments.media.fit import fit
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.types import Frames

LabelScores: TypeAlias = list[dict[str, str | float]]
"""All labels by falling score."""

Prepared: TypeAlias = torch.Tensor | Frames
"""One image, ready for a batch: ``[1, 3, H, W]`` float32, or ``[1, H, W, 3]`` uint8."""


class PeerModel(Protocol):
    """Two steps, so that a peer may batch between them."""

    def prepare(self, data: bytes) -> Prepared:
        """Decode and preprocess one file."""
        ...

    def classify(self, batch: Sequence[Prepared]) -> list[LabelScores]:
        """One forward pass."""
        ...


def load(model: str, dtype: str) -> PeerModel:
    """A checkpoint's directory, or the model that costs nothing."""
    return ZeroPeerModel() if model == ZERO else HuggingFaceModel(model, dtype)


class HuggingFaceModel:
    """``AutoImageProcessor`` and ``AutoModelForImageClassification``."""

    def __init__(self, directory: str, dtype: str) -> None:
        self._processor = transformers.AutoImageProcessor.from_pretrained(directory)
        self._network = transformers.AutoModelForImageClassification.from_pretrained(
            directory, dtype=torch.float32 if dtype == "auto" else getattr(torch, dtype)
        ).eval()
        self._labels = self._network.config.id2label

    def prepare(self, data: bytes) -> torch.Tensor:
        """See `PeerModel.prepare`."""
        image = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
        pixels: torch.Tensor = self._processor(images=image, return_tensors="pt")["pixel_values"]
        return pixels

    def classify(self, batch: Sequence[Prepared]) -> list[LabelScores]:
        """See `PeerModel.classify`."""
        pixels = torch.cat([torch.as_tensor(image) for image in batch])
        with torch.inference_mode():
            logits = self._network(pixels.to(self._network.dtype)).logits
        return [_ordered(row, self._labels) for row in logits.float().softmax(-1).tolist()]


class ZeroPeerModel:
    """The same decoding and resizing as Vigil's, and a model that costs nothing."""

    def __init__(self) -> None:
        self._weight = zero.weights()
        self._limits = MediaLimits()
        self._labels = dict(enumerate(zero.LABELS))

    def prepare(self, data: bytes) -> Frames:
        """See `PeerModel.prepare`."""
        frame = next(open_image(data, self._limits).frames())
        return fit(frame.pixels, zero.INPUT)[None]

    def classify(self, batch: Sequence[Prepared]) -> list[LabelScores]:
        """See `PeerModel.classify`."""
        frames = np.concatenate([np.asarray(frame) for frame in batch])
        return [_ordered(row, self._labels) for row in zero.scores(frames, self._weight).tolist()]


def _ordered(row: Sequence[float], labels: dict[int, str]) -> LabelScores:
    return [
        {"label": labels[index], "score": row[index]}
        for index in sorted(range(len(row)), key=lambda index: -row[index])
    ]
