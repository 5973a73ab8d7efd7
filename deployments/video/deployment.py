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
from deployments.classifier.on_demand import OnDemandClassifier
from deployments.media.limits import MediaLimits
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import AnalysisEvent, AnalysisRequest
from deployments.video.analyst import LocalVideoAnalyst
from deployments.video.decoding.limits import DecoderLimits
from deployments.video.decoding.pool import DecoderPool
from deployments.video.finder import LocalVideoFinder


class VideoClassifier:
    """Decodes videos and has their frames classified by the models' replicas.

    Args:
        catalog: The models to be had.
        policy: How models are called.
        models: One handle for each configured model.
        on_demand: Handle of the on-demand deployment; None where no model is allowed.
        limits: What a video may cost.
        processes: That decode; at least as many as videos are worked on at a time.
        timeout_seconds: Processor time that one video may take one of them.
    """

    def __init__(
        self,
        catalog: ModelCatalog,
        policy: CallPolicy,
        models: Mapping[str, DeploymentHandle[ImageClassifier]],
        on_demand: DeploymentHandle[OnDemandClassifier] | None,
        limits: MediaLimits,
        processes: int,
        timeout_seconds: float,
    ) -> None:
        classifier = ClassifierClient(catalog, models, on_demand, policy)
        decoders = DecoderPool(processes, limits, DecoderLimits(cpu_seconds=timeout_seconds))
        self._finder = LocalVideoFinder(classifier, decoders)
        self._analyst = LocalVideoAnalyst(classifier, decoders)

    async def find(
        self,
        data: npt.NDArray[np.uint8],
        queries: list[LabelQuery],
        skip_percentage: float | None,
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`.

        Args:
            data: The file's bytes, ``[B]``; a read-only view of the object store, never copied.
            queries: See there.
            skip_percentage: See there.
        """
        return await self._finder.find(data.data, queries, skip_percentage)

    async def analyse(
        self, data: npt.NDArray[np.uint8], request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`.

        Args:
            data: As for `find`.
            request: See there.
        """
        async with aclosing(self._analyst.analyse(data.data, request)) as events:
            async for event in events:
                yield event
