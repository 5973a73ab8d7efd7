"""The Ray Serve deployment of one configured model; its options are set in ``serve_app.app``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from deployments.classifier.load_meter import LoadMeter
from deployments.classifier.loading import load_patiently
from deployments.classifier.metrics import ModelTelemetry
from deployments.classifier.replica import CallAnswer, LoadModel, ModelReplica
from deployments.telemetry.ray_metrics import RayMetrics
from deployments.telemetry.request import Origin
from deployments.telemetry.settings import TelemetrySettings
from deployments.types import Frames, ModelInfo


class ImageClassifier:
    """One model on one replica.

    Args:
        load: Loads and warms the model; the replica is ready once it returned.
        max_queued_frames: Frames that may wait for the model on this replica.
        telemetry: What operators want to see.
    """

    def __init__(
        self,
        load: LoadModel,
        max_queued_frames: int,
        telemetry: TelemetrySettings = TelemetrySettings(),  # noqa: B008 - it is frozen
    ) -> None:
        telemetry.start("model")
        model = load_patiently(load)
        observer = ModelTelemetry(RayMetrics(), model.info, telemetry.flagged_score)
        self._replica = ModelReplica(
            model,
            max_queued_frames=max_queued_frames,
            report=observer.batch,
            report_failure=observer.failure,
        )
        self._load = LoadMeter()
        self._name = uuid.uuid4().hex

    async def info(self) -> ModelInfo:
        """Labels and input of the model."""
        return self._replica.info

    async def classify(
        self,
        items: list[Frames],
        waiting_frames: float = 0.0,
        origins: Sequence[Origin | None] = (),
    ) -> CallAnswer:
        """Scores the items; ``waiting_frames`` is for the autoscaler."""
        with self._load.call(items, waiting_frames):
            return CallAnswer(await self._replica.classify(items, origins), self._name)

    async def check_health(self) -> None:
        """Called by Serve; raising gets the replica replaced."""
        self._replica.check()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve: the load in frames, as one call may carry many."""
        return self._load.stats()
