"""The multiplexed deployment of the models that are not configured but allowed by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ray import serve

from deployments.classifier.load_meter import LoadMeter
from deployments.classifier.metrics import BatchMetrics
from deployments.classifier.replica import ItemResult, LoadedModel, ModelReplica
from deployments.types import Frames, ModelInfo

LoadNamed: TypeAlias = Callable[[str], LoadedModel]
"""Loads and warms a model by its hub name. Picklable.

It refuses whatever is not a hub name: the name is a client's words, and must never reach a path.
"""


class OnDemandClassifier:
    """The long tail of models; the multiplexed model id of a call names the one it is for.

    Args:
        load: Loads a model by name.
        max_loaded: Models that one replica holds; the least recently used one makes room.
        max_queued_frames: Frames that may wait, for each model.
    """

    def __init__(self, load: LoadNamed, max_loaded: int, max_queued_frames: int) -> None:
        async def load_replica(name: str) -> ModelReplica:
            # In a thread: loading takes seconds, and the loop answers for the other models.
            model = await asyncio.to_thread(load, name)
            return ModelReplica(
                model, max_queued_frames=max_queued_frames, report=BatchMetrics(name)
            )

        # Wrapped here rather than as a decorated method, because the number is configuration.
        self._replica: Callable[[str], Awaitable[ModelReplica]] = serve.multiplexed(
            load_replica, max_num_models_per_replica=max_loaded
        )
        self._load = LoadMeter()

    async def info(self) -> ModelInfo:
        """Labels and input of the model."""
        return (await self._replica(serve.get_multiplexed_model_id())).info

    async def classify(self, items: list[Frames], waiting_frames: float = 0.0) -> list[ItemResult]:
        """One result an item, in order; ``waiting_frames`` is for the autoscaler."""
        with self._load.call(items, waiting_frames):
            replica = await self._replica(serve.get_multiplexed_model_id())
            return await replica.classify(items)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: the load in frames of all its models."""
        return self._load.stats()
