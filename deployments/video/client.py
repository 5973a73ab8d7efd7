"""The one way to reach the video deployment over Ray: bytes by reference, the question by value."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

import numpy as np
import ray
from ray.exceptions import ObjectStoreFullError, OutOfDiskError
from ray.serve.handle import DeploymentHandle

from deployments.calls import RetryPolicy, Stream, retrying, streaming, wanted, within
from deployments.errors import OverloadedError
from deployments.process_memory import return_freed_memory, return_own_memory
from deployments.telemetry import catalog
from deployments.telemetry.metrics import Metrics, NoMetrics
from deployments.telemetry.request import current_origin
from deployments.types import Buffer
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import AnalysisEvent, AnalysisRequest
from deployments.video.deployment import VideoClassifier
from deployments.video.news import News

WHAT = "The video service"


class VideoClient:
    """Implements `VideoService` over a deployment handle.

    Args:
        handle: The video deployment's.
        timeout_seconds: For one video, its waiting and its retries included.
        retry: For calls whose replica died.
        metrics: Records retries.
    """

    def __init__(
        self,
        handle: DeploymentHandle[VideoClassifier],
        timeout_seconds: float,
        retry: RetryPolicy | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        # By reference: a large body crosses through shared memory rather than through gRPC.
        self._handle = handle.options(_by_reference=True)
        self._timeout_seconds = timeout_seconds
        self._retry = retry or RetryPolicy(max_retries=2)
        self._metrics = metrics or NoMetrics()

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        reference = await _put(data)
        origin = current_origin()
        call = retrying(
            WHAT,
            lambda: wanted(
                self._handle.find.remote(reference, list(queries), skip_percentage, origin)
            ),
            self._retry,
            self._retried,
        )
        return await within(self._timeout_seconds, WHAT, call)

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`."""
        reference = await _put(data)
        size = len(data)
        del data  # which nobody else holds, either, where an upload is analysed
        await asyncio.to_thread(return_freed_memory, size)
        return_own_memory(size)  # of this thread, which received it
        handle = self._handle.options(stream=True)
        origin = current_origin()
        answer = streaming(
            self._timeout_seconds,
            WHAT,
            lambda: cast(
                "Stream[AnalysisEvent]", handle.analyse.remote(reference, request, origin)
            ),
            self._retry,
            self._retried,
            News(),
        )
        async with aclosing(answer) as events:
            async for event in events:
                yield event

    def _retried(self) -> None:
        self._metrics.count(catalog.CALL_RETRIES, 1, "video")


async def _put(data: Buffer) -> ray.ObjectRef[np.ndarray]:
    """A reference to the bytes, copied in a thread: some 200 MB would hold the loop for 0.1 s."""
    try:
        return await asyncio.to_thread(ray.put, np.frombuffer(data, np.uint8))
    except (ObjectStoreFullError, OutOfDiskError) as error:
        raise OverloadedError(
            "The service has no room for this video at the moment; try again later.", 10
        ) from error
