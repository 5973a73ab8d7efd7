"""A model of a known cost, and a caller with a known load, for tests of what is between them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.replica import CallAnswer, LoadModel
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
    """The real deployment, which also tells what batches its model has run."""

    def __init__(self, load: LoadModel, max_queued_frames: int) -> None:
        super().__init__(load, max_queued_frames)
        assert isinstance(load, FixedCostModel)  # its own loader
        self._model = load

    async def batch_sizes(self) -> list[int]:
        return self._model.batch_sizes


class ServeBatchedClassifier:
    """The same model behind ``@serve.batch``, for comparison."""

    def __init__(self, model: FixedCostModel) -> None:
        self._model = model

    async def classify(self, items: list[Frames]) -> CallAnswer:
        return CallAnswer([await self._batched(items[0])], "the only one")

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)
    async def _batched(self, items: list[Frames]) -> list[Scores]:
        scores = await asyncio.to_thread(self._model.scores, items)
        return [row[None] for row in scores]

    async def batch_sizes(self) -> list[int]:
        return self._model.batch_sizes


@dataclass(frozen=True)
class Offered:
    """What came of one round of calls."""

    batches: int
    largest_batch: int
    median_seconds: float
    wrong: int


class LoadGenerator:
    """Calls classifiers from a replica, at a fixed rate, whatever the answers take."""

    def __init__(self, **classifiers: DeploymentHandle[CountedClassifier]) -> None:
        self._classifiers = classifiers

    async def offer(self, name: str, calls: int, calls_per_second: float) -> Offered:
        classifier = self._classifiers[name]
        before = len(await classifier.batch_sizes.remote())

        async def call(number: int) -> tuple[float, bool]:
            # The offered load, not a wait for anything.
            await asyncio.sleep(number / calls_per_second)
            frame = np.full((1, 8, 8, 3), number % 256, np.uint8)
            started = time.perf_counter()
            (scores,) = (await classifier.classify.remote([frame])).results
            seconds = time.perf_counter() - started
            return seconds, bool(abs(scores[0, 1] - number % 256 / 255) < 1e-6)

        answers = await asyncio.gather(*map(call, range(calls)))
        sizes = (await classifier.batch_sizes.remote())[before:]
        return Offered(
            batches=len(sizes),
            largest_batch=max(sizes),
            median_seconds=statistics.median(seconds for seconds, _ in answers),
            wrong=sum(not right for _, right in answers),
        )
