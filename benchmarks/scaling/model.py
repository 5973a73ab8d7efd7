"""Models that cost time but no CPU, and whose answers can be checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.classifier.fake import redness_scores
from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores

SIDE = 8
"""Of its input, in pixels."""


@dataclass(frozen=True)
class SleepingModel:
    """Takes the same time for every batch; its scores are those of `redness_scores`."""

    name: str
    batch_seconds: float
    max_batch_size: int

    @property
    def info(self) -> ModelInfo:
        """See `LoadedModel`."""
        return ModelInfo(
            name=self.name,
            revision=None,
            labels=("normal", "nsfw"),
            flagged_labels=("nsfw",),
            input=InputSpec(FitMode.STRETCH, SIDE, SIDE, resize_height=SIDE, resize_width=SIDE),
            max_batch_size=self.max_batch_size,
        )

    def scores(self, items: Sequence[Frames]) -> Scores:
        """See `LoadedModel`."""
        time.sleep(self.batch_seconds)
        return redness_scores(np.concatenate(items), 2)

    def __call__(self) -> SleepingModel:
        """Its own loader."""
        return self
