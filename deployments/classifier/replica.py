"""What one replica of a model does, without Ray: a loaded model behind a batcher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from deployments.classifier.batcher import Batcher, BatchReport
from deployments.errors import InferenceError, VigilError
from deployments.types import Frames, ModelInfo, Scores

STUCK_AFTER_SECONDS = 120.0
"""A batch that takes longer has hung (a wedged device, say): the replica asks to be replaced."""

ItemResult: TypeAlias = Scores | VigilError
"""One item's scores, or why it has none."""


class LoadedModel(Protocol):
    """What a replica needs of a model: `Model`, or a stand-in with a known cost in tests."""

    @property
    def info(self) -> ModelInfo:
        """Labels, input and limits."""
        ...

    def scores(self, items: Sequence[Frames]) -> Scores:
        """Scores ``[Σ nᵢ, L]`` of items ``[nᵢ, H, W, 3]``; blocking."""
        ...


LoadModel: TypeAlias = Callable[[], LoadedModel]
"""Loads and warms one model. Picklable: it is called in the replica."""


class ModelReplica:
    """Answers the items of many callers with one model.

    Args:
        model: Loaded and warm.
        max_queued_frames: Frames that may wait for the model.
        report: Told about every batch.
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        max_queued_frames: int,
        report: Callable[[BatchReport], None] = lambda _: None,
    ) -> None:
        self.info = model.info
        self._batcher = Batcher(
            model.scores,
            max_batch_size=model.info.max_batch_size,
            max_queued_frames=max_queued_frames,
            report=report,
        )

    async def classify(self, items: Sequence[Frames]) -> list[ItemResult]:
        """One result an item, in order; an item that fails does not touch the others."""
        if len(items) == 1:
            return [await self._one(items[0])]
        return list(await asyncio.gather(*(self._one(item) for item in items)))

    async def _one(self, frames: Frames) -> ItemResult:
        try:
            return await self._batcher.submit(frames)
        except VigilError as error:
            return error

    def check(self) -> None:
        """Raise when the model hangs.

        Raises:
            InferenceError: A batch has been running for longer than `STUCK_AFTER_SECONDS`.
        """
        if self._batcher.running_seconds > STUCK_AFTER_SECONDS:
            raise InferenceError("The model has stopped answering.")
