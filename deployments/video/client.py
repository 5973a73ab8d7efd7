"""The one way to reach the video deployment over Ray: bytes by reference, the question by value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import ray
from ray.serve.handle import DeploymentHandle

from deployments.calls import RetryPolicy, retrying, within
from deployments.types import Buffer
from deployments.verdicts import Finding, LabelQuery
from deployments.video.deployment import VideoClassifier

WHAT = "The video service"


class VideoClient:
    """Implements `VideoFinder` over a deployment handle.

    Args:
        handle: The video deployment's.
        timeout_seconds: For one video, its waiting and its retries included.
        retry: For calls whose replica died.
    """

    def __init__(
        self,
        handle: DeploymentHandle[VideoClassifier],
        timeout_seconds: float,
        retry: RetryPolicy | None = None,
    ) -> None:
        # By reference: a large body crosses through shared memory rather than through gRPC.
        self._handle = handle.options(_by_reference=True)
        self._timeout_seconds = timeout_seconds
        self._retry = retry or RetryPolicy(max_retries=2)

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        reference = ray.put(np.frombuffer(data, np.uint8))
        call = retrying(
            WHAT,
            lambda: self._handle.find.remote(reference, list(queries), skip_percentage),
            self._retry,
        )
        return await within(self._timeout_seconds, WHAT, call)
