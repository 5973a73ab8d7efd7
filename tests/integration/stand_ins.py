"""Models of a known cost, for tests of everything around the model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.replica import LoadModel
from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores


@dataclass(frozen=True)
class FixedCostModel:
    """Takes the same time for every batch; a frame's score is its first value / 255."""

    name: str
    seconds: float
    max_batch_size: int = 32
    batch_sizes: list[int] = field(default_factory=list)

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
        self.batch_sizes.append(sum(map(len, items)))
        time.sleep(self.seconds)
        nsfw = np.concatenate(items)[:, 0, 0, 0].astype(np.float32) / 255
        return np.stack([1 - nsfw, nsfw], axis=1)

    def __call__(self) -> FixedCostModel:
        """Its own loader."""
        return self


class CountedClassifier(ImageClassifier):
    """The real deployment, which also tells how many batches its model has run."""

    def __init__(self, load: LoadModel, max_queued_frames: int) -> None:
        super().__init__(load, max_queued_frames)
        assert isinstance(load, FixedCostModel)  # its own loader
        self._model = load

    async def batches(self) -> int:
        assert max(self._model.batch_sizes) <= self._model.max_batch_size
        return len(self._model.batch_sizes)
