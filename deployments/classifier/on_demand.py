"""The multiplexed deployment of the models that are not configured but allowed by name."""

from __future__ import annotations

import asyncio
import time
import uuid
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from ray import serve

from deployments.classifier.load_meter import LoadMeter
from deployments.classifier.metrics import ModelTelemetry
from deployments.classifier.replica import CallAnswer, LoadedModel, ModelReplica
from deployments.telemetry import catalog
from deployments.telemetry.ray_metrics import RayMetrics
from deployments.telemetry.request import Origin
from deployments.telemetry.settings import TelemetrySettings
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
        telemetry: What operators want to see.
    """

    def __init__(
        self,
        load: LoadNamed,
        max_loaded: int,
        max_queued_frames: int,
        telemetry: TelemetrySettings = TelemetrySettings(),  # noqa: B008 - it is frozen
    ) -> None:
        telemetry.start("on-demand")
        metrics = RayMetrics()
        held = 0

        def evicted() -> None:
            nonlocal held
            held -= 1
            metrics.count(catalog.EVICTIONS, 1)
            metrics.set(catalog.LOADED, held)

        async def load_replica(name: str) -> ModelReplica:
            nonlocal held
            started = time.monotonic()
            outcome = "failed"
            try:
                # In a thread: loading takes seconds, and the loop answers for the other models.
                model = await asyncio.to_thread(load, name)
                outcome = "loaded"
            finally:
                metrics.count(catalog.LOADS, 1, outcome)
                catalog.LOAD.record(metrics, time.monotonic() - started)
            observer = ModelTelemetry(metrics, model.info, telemetry.flagged_score)
            replica = ModelReplica(
                model,
                max_queued_frames=max_queued_frames,
                report=observer.batch,
                report_failure=observer.failure,
            )
            held += 1
            metrics.set(catalog.LOADED, held)
            # Serve drops what makes room, and tells nobody.
            weakref.finalize(replica, evicted).atexit = False
            return replica

        # Wrapped here rather than as a decorated method, because the number is configuration.
        self._replica: Callable[[str], Awaitable[ModelReplica]] = serve.multiplexed(
            load_replica, max_num_models_per_replica=max_loaded
        )
        self._load = LoadMeter()
        self._name = uuid.uuid4().hex

    async def info(self) -> ModelInfo:
        """Labels and input of the model."""
        return (await self._replica(serve.get_multiplexed_model_id())).info

    async def classify(
        self,
        items: list[Frames],
        waiting_frames: float = 0.0,
        origins: Sequence[Origin | None] = (),
    ) -> CallAnswer:
        """Scores the items; ``waiting_frames`` is for the autoscaler."""
        with self._load.call(items, waiting_frames):
            replica = await self._replica(serve.get_multiplexed_model_id())
            return CallAnswer(await replica.classify(items, origins), self._name)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: the load in frames of all its models."""
        return self._load.stats()
