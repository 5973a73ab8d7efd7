"""A classifier whose calls are timed, traced, and told to the request that they are made for."""

from __future__ import annotations

import time

from deployments.classifier.protocol import Classifier, ModelStatus
from deployments.telemetry import catalog, tracing
from deployments.telemetry.metrics import Metrics
from deployments.telemetry.request import current_request
from deployments.types import Frames, ModelInfo, Scores


class ObservedClassifier:
    """Implements `Classifier` by another one.

    Args:
        classifier: Does the work.
        metrics: Records.
        stage: Name of the stage that its calls are: where they are made.
    """

    def __init__(self, classifier: Classifier, metrics: Metrics, stage: str) -> None:
        self._classifier = classifier
        self._metrics = metrics
        self._stage = stage

    async def info(self, model: str) -> ModelInfo:
        """See `Classifier.info`."""
        return await self._classifier.info(model)

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        """See `Classifier.classify`."""
        request = current_request()
        if request is not None:
            request.models[model] = None
        started = time.monotonic()
        with tracing.span("classify", {"vigil.model": model, "vigil.frames": len(frames)}):
            scores = await self._classifier.classify(model, frames, more_follow=more_follow)
        ended = time.monotonic()
        if request is not None:
            request.scored_at = ended
        catalog.STAGE.record(self._metrics, ended - started, self._stage)
        self._metrics.count(catalog.STAGE_FRAMES, len(frames), self._stage)
        return scores

    async def models(self) -> list[ModelStatus]:
        """See `Classifier.models`."""
        return await self._classifier.models()
