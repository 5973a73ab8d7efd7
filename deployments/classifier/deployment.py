"""The Ray Serve deployment of one configured model; its options are set in ``serve_app.app``."""

from __future__ import annotations

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

    async def info(self) -> ModelInfo:
        """Labels and input of the model."""
        return self._replica.info

    async def classify(self, items: list[Frames]) -> list[ItemResult]:
        """One result an item, in order."""
        return await self._replica.classify(items)

    async def check_health(self) -> None:
        """Called by Serve; raising gets the replica replaced."""
        self._replica.check()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: the load in frames, as one call may carry many."""
        return {"queued_frames": float(self._replica.queued_frames)}
