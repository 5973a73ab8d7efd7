"""What a model's replica tells an operator: each batch, and each item that the model failed on."""

from __future__ import annotations

import logging

from deployments.classifier.batcher import BatchReport
from deployments.errors import InferenceError
from deployments.telemetry import catalog, tracing
from deployments.telemetry.metrics import Metrics
from deployments.telemetry.request import current_request
from deployments.types import ModelInfo
from deployments.verdicts import resolve_labels

logger = logging.getLogger(__name__)


class ModelTelemetry:
    """Records under the label ``model``, and makes the spans of requests that are traced.

    Args:
        metrics: Records.
        model: Whose batches they are.
        threshold: Score from which on a frame counts as flagged: always the same one, so that the
            rate tells of the media, not of what each client asked.
    """

    def __init__(self, metrics: Metrics, model: ModelInfo, threshold: float) -> None:
        self._metrics = metrics
        self._model = model.name
        self._threshold = threshold
        flagged = model.flagged_labels
        self._columns = list(resolve_labels(model, flagged)) if flagged else []
        self._labels = [model.labels[column] for column in self._columns]

    def batch(self, report: BatchReport) -> None:
        """Record one batch."""
        metrics, model = self._metrics, self._model
        metrics.count(catalog.BATCHES, 1, model)
        metrics.count(catalog.FRAMES, report.frames, model)
        metrics.observe(catalog.BATCH_FRAMES, report.frames, model)
        catalog.BATCH.record(metrics, report.seconds, model)
        catalog.BATCH_WAIT.record(metrics, report.longest_wait_seconds, model)
        if self._columns:
            flagged = (report.scores[:, self._columns] >= self._threshold).sum(axis=0)
            for label, frames in zip(self._labels, flagged.tolist(), strict=True):
                metrics.count(catalog.FLAGGED_FRAMES, frames, model, label)
        self._trace(report)

    def failure(self, error: InferenceError) -> None:
        """Record one item that the model failed on; only the log says why."""
        self._metrics.count(catalog.FAILED_ITEMS, 1, self._model)
        request = current_request()
        # In the sentence, as Serve puts the call's own id on the line, and a call is of several
        # requests.
        logger.error(
            "the model %r failed on an item of the request %s",
            self._model,
            request.request_id if request else "(unknown)",
            exc_info=error,
        )

    def _trace(self, report: BatchReport) -> None:
        """One span for the batch, and one in the trace of each request that was in it."""
        traced = [
            (item, item.origin.traceparent)
            for item in report.batch
            if item.origin is not None and item.origin.traceparent is not None
        ]
        if not traced:
            return
        batch = tracing.ended_span(
            "model.batch",
            started=report.started,
            ended=report.ended,
            links=[parent for _, parent in traced],
            attributes={
                "vigil.model": self._model,
                "vigil.frames": report.frames,
                "vigil.items": report.items,
            },
        )
        for item, parent in traced:
            tracing.ended_span(
                "model",
                started=item.arrived,
                ended=report.ended,
                parent=parent,
                links=[batch] if batch else [],
                attributes={
                    "vigil.model": self._model,
                    "vigil.frames": len(item.frames),
                    "vigil.batch_frames": report.frames,
                    "vigil.wait_seconds": report.started - item.arrived,
                },
            )
