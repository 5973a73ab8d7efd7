"""What one replica of a model does, without Ray: a loaded model behind a batcher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from deployments.classifier.batcher import Batcher, BatchReport
from deployments.errors import InferenceError, ReplicaLostError, VigilError
from deployments.telemetry.request import Origin, on_behalf_of
from deployments.types import Frames, ModelInfo, Scores

STUCK_AFTER_SECONDS = 120.0
"""A batch that takes longer has hung (a wedged device, say): the replica asks to be replaced."""

ItemResult: TypeAlias = Scores | VigilError
"""One item's scores, or why it has none."""


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What one remote call brings back."""

    results: list[ItemResult]
    """One an item, in order."""
    replica: str
    """No two replicas have the same: so callers see how many there are."""


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
        report_failure: Told about every item that the model failed on, in its request's context.
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        max_queued_frames: int,
        report: Callable[[BatchReport], None] = lambda _: None,
        report_failure: Callable[[InferenceError], None] = lambda _: None,
    ) -> None:
        self.info = model.info
        self._report_failure = report_failure
        self._batcher = Batcher(
            model.scores,
            max_batch_size=model.info.batch_size,
            max_queued_frames=max_queued_frames,
            parallel_batches=model.info.parallel_batches,
            report=report,
        )
        self._lost: ReplicaLostError | None = None

    async def classify(
        self, items: Sequence[Frames], origins: Sequence[Origin | None] = ()
    ) -> list[ItemResult]:
        """One result an item, in order; an item that fails does not touch the others.

        Args:
            items: ``[nᵢ, H, W, 3]`` each.
            origins: The requests that they are of; empty: unknown.
        """
        origins = origins or [None] * len(items)
        if len(items) == 1:
            return [await self._one(items[0], origins[0])]
        pairs = zip(items, origins, strict=True)
        return list(await asyncio.gather(*(self._one(item, origin) for item, origin in pairs)))

    async def _one(self, frames: Frames, origin: Origin | None) -> ItemResult:
        with on_behalf_of(origin):
            try:
                return await self._batcher.submit(frames)
            except InferenceError as error:
                self._report_failure(error)
                return error
            except ReplicaLostError as error:
                self._lost = error
                return error
            except VigilError as error:
                return error

    def check(self) -> None:
        """Raise when only another process can help.

        Raises:
            ReplicaLostError: The GPU failed under a batch.
            InferenceError: A batch has been running for longer than `STUCK_AFTER_SECONDS`.
        """
        if self._lost:
            raise self._lost
        if self._batcher.running_seconds > STUCK_AFTER_SECONDS:
            raise InferenceError("The model has stopped answering.")
