"""The Ray Serve deployment that decodes videos; its options are set in ``serve_app.app``."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from ray.serve.handle import DeploymentHandle

from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.client import CallPolicy, ClassifierClient
from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.on_demand import OnDemandClassifier
from deployments.media.limits import MediaLimits
from deployments.verdicts import Finding, LabelQuery
from deployments.video.finder import LocalVideoFinder


class VideoClassifier:
    """Decodes videos and has their frames classified by the models' replicas.

    Args:
        catalog: The models to be had.
        policy: How models are called.
        models: One handle for each configured model.
        on_demand: Handle of the on-demand deployment; None where no model is allowed.
        limits: What a video may cost.
        max_videos: Videos at a time; each decodes in a thread of its own.
    """

    def __init__(
        self,
        catalog: ModelCatalog,
        policy: CallPolicy,
        models: Mapping[str, DeploymentHandle[ImageClassifier]],
        on_demand: DeploymentHandle[OnDemandClassifier] | None,
        limits: MediaLimits,
        max_videos: int,
    ) -> None:
        classifier = ClassifierClient(catalog, models, on_demand, policy)
        threads = ThreadPoolExecutor(max_workers=max_videos, thread_name_prefix="video")
        self._finder = LocalVideoFinder(classifier, limits, threads)

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
