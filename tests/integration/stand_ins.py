"""Models of a known cost, for tests of everything around the model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores


@dataclass(frozen=True)
class FixedCostModel:
    """Takes the same time for every batch; a frame's score is its first value / 255."""

    name: str
    seconds: float
    max_batch_size: int = 32

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name=self.name,
            revision=None,
            labels=("normal", "nsfw"),
            flagged_labels=("nsfw",),
            input=InputSpec(FitMode.STRETCH, 8, 8, resize_height=8, resize_width=8),
            max_batch_size=self.max_batch_size,
        )

    def scores(self, items: Sequence[Frames]) -> Scores:
        time.sleep(self.seconds)
        nsfw = np.concatenate(items)[:, 0, 0, 0].astype(np.float32) / 255
        return np.stack([1 - nsfw, nsfw], axis=1)

    def __call__(self) -> FixedCostModel:
        """Its own loader."""
        return self
