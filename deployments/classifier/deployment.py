"""The Ray Serve deployment of one configured model; its options are set in ``serve_app.app``."""

from __future__ import annotations

from deployments.classifier.load_meter import LoadMeter
from deployments.classifier.metrics import BatchMetrics
from deployments.classifier.replica import ItemResult, LoadModel, ModelReplica
from deployments.types import Frames, ModelInfo


class ImageClassifier:
    """One model on one replica.

    Args:
        load: Loads and warms the model; the replica is ready once it returned.
        max_queued_frames: Frames that may wait for the model on this replica.
    """

    def __init__(self, load: LoadModel, max_queued_frames: int) -> None:
        model = load()
        self._replica = ModelReplica(
            model, max_queued_frames=max_queued_frames, report=BatchMetrics(model.info.name)
        )
        self._load = LoadMeter()

    async def info(self) -> ModelInfo:
        """Labels and input of the model."""
        return self._replica.info

    async def classify(self, items: list[Frames], waiting_frames: float = 0.0) -> list[ItemResult]:
        """One result an item, in order; ``waiting_frames`` is for the autoscaler."""
        with self._load.call(items, waiting_frames):
            return await self._replica.classify(items)

    async def check_health(self) -> None:
        """Called by Serve; raising gets the replica replaced."""
        self._replica.check()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: the load in frames, as one call may carry many."""
        return self._load.stats()
