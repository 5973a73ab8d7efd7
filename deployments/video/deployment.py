"""The Ray Serve deployment that decodes videos; its options are set in ``serve_app.app``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import numpy as np
import numpy.typing as npt
from ray.serve.handle import DeploymentHandle

from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.client import CallPolicy, ClassifierClient
from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.observed import ObservedClassifier
from deployments.classifier.on_demand import OnDemandClassifier
from deployments.media.limits import MediaLimits
from deployments.telemetry.ray_metrics import RayMetrics
from deployments.telemetry.request import Origin, continue_request
from deployments.telemetry.settings import TelemetrySettings
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import AnalysisEvent, AnalysisRequest
from deployments.video.decoding.limits import DecoderLimits


class VideoClassifier:
    """Decodes videos and has their frames classified by the models' replicas.

    Args:
        catalog: The models to be had.
        policy: How models are called.
        models: One handle for each configured model.
        on_demand: Handle of the on-demand deployment; None where no model is allowed.
        limits: What a video may cost.
        processes: That decode; at least as many as videos are worked on at a time.
        decoder: What each of them may use for one video.
        secret: Of `LocalVideoAnalyst`: the same in all replicas, so that it makes no difference
            which one is asked.
        telemetry: What operators want to see.
    """

    def __init__(
        self,
        catalog: ModelCatalog,
        policy: CallPolicy,
        models: Mapping[str, DeploymentHandle[ImageClassifier]],
        on_demand: DeploymentHandle[OnDemandClassifier] | None,
        limits: MediaLimits,
        processes: int,
        decoder: DecoderLimits,
        secret: bytes,
        telemetry: TelemetrySettings = TelemetrySettings(),  # noqa: B008 - it is frozen
    ) -> None:
        # What works on videos takes two seconds to import: on the replica only.
        from deployments.video.analyst import LocalVideoAnalyst
        from deployments.video.decoding.pool import DecoderPool
        from deployments.video.finder import LocalVideoFinder
        from deployments.video.observed import CLASSIFY_STAGE, ObservedPool, ObservedVideos

        telemetry.start("video")
        metrics = RayMetrics()
        client = ClassifierClient(catalog, models, on_demand, policy, metrics)
        classifier = ObservedClassifier(client, metrics, CLASSIFY_STAGE)
        decoders = DecoderPool(
            processes,
            limits,
            decoder,
            observer=ObservedPool(metrics),
        )
        self._videos = ObservedVideos(
            LocalVideoFinder(classifier, decoders),
            LocalVideoAnalyst(classifier, decoders, secret),
            metrics,
        )

    async def find(
        self,
        data: npt.NDArray[np.uint8],
        queries: list[LabelQuery],
        skip_percentage: float | None,
        origin: Origin | None = None,
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`.

        Args:
            data: The file's bytes, ``[B]``; a read-only view of the object store, never copied.
            queries: See there.
            skip_percentage: See there.
            origin: The request that asks.
        """
        continue_request(origin)
        return await self._videos.find(data.data, queries, skip_percentage)

    async def analyse(
        self,
        data: npt.NDArray[np.uint8],
        request: AnalysisRequest,
        origin: Origin | None = None,
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`.

        Args:
            data: As for `find`.
            request: See there.
            origin: The request that asks.
        """
        continue_request(origin)
        async with aclosing(self._videos.analyse(data.data, request)) as events:
            async for event in events:
                yield event
