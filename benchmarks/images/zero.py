"""A model that costs nearly nothing, so that what a server costs shows alone.

One linear layer over every 28th pixel of the input: 192 numbers, some microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores

PIXELS = 224
LABELS = ("normal", "nsfw")
INPUT = InputSpec(FitMode.STRETCH, PIXELS, PIXELS, resize_height=PIXELS, resize_width=PIXELS)

_STEP = 28
_FEATURES = (PIXELS // _STEP) ** 2 * 3


def weights() -> npt.NDArray[np.float32]:
    """``[192, 2]``, the same everywhere."""
    return np.random.default_rng(0).normal(0, 0.5, (_FEATURES, 2)).astype(np.float32)


def scores(frames: Frames, weight: npt.NDArray[np.float32]) -> Scores:
    """Softmax of the linear layer, ``[N, 2]``, of frames ``[N, 224, 224, 3]``."""
    sampled = frames[:, _STEP // 2 :: _STEP, _STEP // 2 :: _STEP]
    features = sampled.reshape(len(frames), _FEATURES).astype(np.float32) / 255 - 0.5
    logits = features @ weight
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Scores = exponents / exponents.sum(axis=1, keepdims=True)
    return result


@dataclass(frozen=True)
class ZeroModel:
    """Stands in for a loaded model of Vigil; it is its own loader."""

    name: str
    max_batch_size: int = 32
    weight: npt.NDArray[np.float32] = field(default_factory=weights, repr=False)

    @property
    def info(self) -> ModelInfo:
        """See `deployments.classifier.replica.LoadedModel`."""
        return ModelInfo(self.name, None, LABELS, ("nsfw",), INPUT, self.max_batch_size)

    def scores(self, items: Sequence[Frames]) -> Scores:
        """See `deployments.classifier.replica.LoadedModel`."""
        return scores(np.concatenate(items), self.weight)

    def __call__(self) -> ZeroModel:
        """Load it."""
        return self
