"""The Ingress deployment: builds the HTTP application on its replica."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.client import CallPolicy, ClassifierClient
from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.on_demand import OnDemandClassifier
from deployments.process_memory import keep_freed_memory
from deployments.telemetry.ray_metrics import RayMetrics
from deployments.telemetry.settings import TelemetrySettings
from deployments.video.client import VideoClient
from deployments.video.deployment import VideoClassifier
from serve_app import front_gate
from serve_app.config import AppConfig, environment
from serve_app.gate import GateRules, open_gate
from serve_app.observer import counting_refusals
from serve_app.traced import trace_requests

logger = logging.getLogger(__name__)


@serve.ingress()
class Ingress:
    """Receives every request; its options are set in ``serve_app.app``.

    Args:
        config: The whole configuration.
        catalog: The models to be had.
        policy: How models are called.
        models: One handle for each configured model.
        on_demand: Handle of the on-demand deployment; None where no model is allowed.
        videos: The video deployment's handle.
        telemetry: What operators want to see.
    """

    def __init__(
        self,
        config: AppConfig,
        catalog: ModelCatalog,
        policy: CallPolicy,
        models: Mapping[str, DeploymentHandle[ImageClassifier]],
        on_demand: DeploymentHandle[OnDemandClassifier] | None,
        videos: DeploymentHandle[VideoClassifier],
        telemetry: TelemetrySettings,
    ) -> None:
        telemetry.start("ingress")
        keep_freed_memory()
        self._traces = telemetry.traces
        self._config = config
        self._metrics = RayMetrics()
        most = config.ingress.max_concurrent_requests
        if what := front_gate.complaint(most, environment()):
            logger.warning(what)
        open_gate(GateRules.of(config), counting_refusals(self._metrics))
        self._classifier = ClassifierClient(catalog, models, on_demand, policy, self._metrics)
        self._videos = VideoClient(videos, config.request_timeout_seconds, metrics=self._metrics)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve on the replica, after ``__init__``.

        An application that is built here need not be picklable, so it may hold threads and locks.
        """
        # Decoding and resizing take two seconds to import: on the replica only.
        from serve_app.application import create_app

        # Serve's HTTP server puts X-Request-ID on the answers itself.
        app = create_app(
            self._config,
            self._classifier,
            self._videos,
            returns_request_id=False,
            metrics=self._metrics,
        )
        if self._traces:
            trace_requests(app)
        return app
