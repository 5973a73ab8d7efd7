"""Batch metrics of a replica, on Ray's metrics port (Serve's own cover requests and queues)."""

from __future__ import annotations

from ray.serve import metrics

from deployments.classifier.batcher import BatchReport

_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
_FRAMES = [1.0, 2, 4, 8, 16, 32, 64, 128, 256]


class BatchMetrics:
    """Records every batch under the tag ``model``."""

    def __init__(self, model: str) -> None:
        self._tags = {"model": model}
        self._frames = metrics.Histogram(
            "vigil_batch_frames",
            description="Frames in one forward pass.",
            boundaries=_FRAMES,
            tag_keys=("model",),
        )
        self._seconds = metrics.Histogram(
            "vigil_batch_seconds",
            description="Seconds of one forward pass, with the copy to the device.",
            boundaries=_SECONDS,
            tag_keys=("model",),
        )
        self._wait = metrics.Histogram(
            "vigil_batch_wait_seconds",
            description="Seconds that a batch's oldest item waited for the model.",
            boundaries=_SECONDS,
            tag_keys=("model",),
        )

    def __call__(self, report: BatchReport) -> None:
        """Record one batch."""
        self._frames.observe(report.frames, self._tags)
        self._seconds.observe(report.seconds, self._tags)
        self._wait.observe(report.longest_wait_seconds, self._tags)
