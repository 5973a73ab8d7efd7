"""The application: one deployment for each model, the on-demand models, the video, the ingress.

``serve run serve_config.yaml`` calls `build`; every option of every deployment is set here.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig
from ray.serve.deployment import Application

from deployments.classifier.autoscaling import FramesPolicy
from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.client import CallPolicy
from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.hub import BUILTIN_PREFIX, ModelSource
from deployments.classifier.loaders import loader, loader_by_name
from deployments.classifier.on_demand import OnDemandClassifier
from deployments.classifier.options import ModelOptions
from deployments.classifier.replica import LoadModel
from deployments.classifier.routing import FewestCallsRouter
from deployments.telemetry.settings import TelemetrySettings
from deployments.video.decoding.limits import DecoderLimits
from deployments.video.deployment import VideoClassifier
from serve_app.config import (
    AppConfig,
    Gpus,
    ModelConfig,
    OnDemandConfig,
    ReplicaRange,
    environment,
    resolve,
)
from serve_app.ingress import Ingress

logger = logging.getLogger(__name__)

BATCHES_OF_CALLS = 2
"""Calls that a model's replica holds, in batches: one in the model, one that gathers meanwhile."""

METRICS_INTERVAL_SECONDS = 10.0
"""How often replicas and callers report their load: Serve's default. With a shorter look-back they
report three times in each."""

MAX_OPEN_REQUESTS = 1024
"""Requests that an ingress replica has open. `serve_app.gate` admits fewer; what it does not count
(slow uploads, probes) must get through, too."""

SECRET_BYTES = 32
"""Of the secret that keeps clients from guessing at which frames is looked."""

MAX_QUEUED_CALLS = 256
"""Calls that wait in one caller for a model's replica; beyond them: 503."""

MAX_QUEUED_FRAMES = 2048
"""Frames that wait in one replica (150 KB each at 224 × 224); beyond them: 503."""

_ROUTING = RequestRouterConfig.model_validate({"request_router_class": FewestCallsRouter})


def build(args: Mapping[str, object]) -> Application:
    """Build the application from ``args`` of ``serve_config.yaml`` and the environment.

    Raises:
        ConfigError: The configuration cannot be used; the message names the keys.
    """
    config = resolve(args, environment())
    for model in config.models:
        if model.checkpoint.startswith(BUILTIN_PREFIX):
            # Here as well as in the replica, whose log Serve buffers and keeps in a file.
            logger.warning(
                "the model %r demonstrates the service; it does not moderate", model.name
            )
    return assemble(config, {model.name: model_loader(config, model) for model in config.models})


def assemble(config: AppConfig, loaders: Mapping[str, LoadModel]) -> Application:
    """Wire the deployments together.

    Args:
        config: The resolved configuration.
        loaders: For each configured model, what loads it in its replica.
    """
    catalog = ModelCatalog(
        default=config.default_model,
        configured=tuple(model.name for model in config.models),
        allow=config.on_demand.allow,
    )
    policy = CallPolicy(timeout_seconds=config.classify_timeout_seconds)
    names = deployment_names([model.name for model in config.models])
    models = {
        model.name: _model(names[model.name], config, model, loaders[model.name])
        for model in config.models
    }
    on_demand = _on_demand(config) if config.on_demand.allow else None
    videos = _videos(config, catalog, policy, models, on_demand)
    deployment = serve.deployment(
        name="Ingress",
        num_replicas="auto",
        autoscaling_config=_by_calls(
            config.ingress.replicas, config.ingress.max_concurrent_requests / 2
        ),
        max_replicas_per_node=_per_node(config.ingress.replicas),
        max_ongoing_requests=MAX_OPEN_REQUESTS,
        max_queued_requests=MAX_OPEN_REQUESTS // 4,
        ray_actor_options={"num_cpus": config.ingress.num_cpus},
        graceful_shutdown_timeout_s=config.request_timeout_seconds,
    )(Ingress)
    return deployment.bind(config, catalog, policy, models, on_demand, videos, _telemetry(config))


def deployment_names(models: Sequence[str]) -> dict[str, str]:
    """One deployment name for each model name: readable, and free of what URLs or metrics mangle.

    Raises:
        ValueError: Two models would share a deployment name.
    """
    names = {model: f"model-{re.sub(r'[^A-Za-z0-9._-]+', '-', model)}" for model in models}
    if len(set(names.values())) < len(names):
        raise ValueError(f"models: two names differ only in their punctuation: {', '.join(names)}")
    return names


def model_loader(config: AppConfig, model: ModelConfig) -> LoadModel:
    """What loads a configured model in its replica."""
    source = ModelSource(
        name=model.name,
        location=model.source,
        revision=model.revision,
        token=_token(config),
    )
    options = ModelOptions(
        dtype=model.dtype,
        exact=model.exact,
        max_batch_size=model.max_batch_size,
        flagged_labels=model.flagged_labels,
        cpu_threads=config.performance.cpu_threads,
        cpu_chunk_frames=config.performance.cpu_chunk_frames,
    )
    return loader(source, options)


def _model(name: str, config: AppConfig, model: ModelConfig, load: LoadModel) -> Application:
    deployment = serve.deployment(
        name=name,
        num_replicas="auto",
        autoscaling_config=_by_frames(model.replicas, model.target_frames or model.max_batch_size),
        max_replicas_per_node=_per_node(model.replicas),
        max_ongoing_requests=BATCHES_OF_CALLS * model.max_batch_size,
        max_queued_requests=MAX_QUEUED_CALLS,
        ray_actor_options=_resources(model.num_cpus, model.num_gpus),
        request_router_config=_ROUTING,
    )(ImageClassifier)
    return deployment.bind(load, MAX_QUEUED_FRAMES, _telemetry(config))


def _on_demand(config: AppConfig) -> Application:
    settings: OnDemandConfig = config.on_demand
    options = ModelOptions(
        dtype=settings.dtype,
        max_batch_size=settings.max_batch_size,
        cpu_threads=config.performance.cpu_threads,
        cpu_chunk_frames=config.performance.cpu_chunk_frames,
        graphs=False,  # a client waits while such a model is loaded, and others run beside it
    )
    deployment = serve.deployment(
        name="OnDemandClassifier",
        num_replicas="auto",
        autoscaling_config=_by_frames(
            settings.replicas, settings.target_frames or settings.max_batch_size
        ),
        max_replicas_per_node=_per_node(settings.replicas),
        max_ongoing_requests=BATCHES_OF_CALLS * settings.max_batch_size * settings.max_loaded,
        max_queued_requests=MAX_QUEUED_CALLS,
        ray_actor_options=_resources(settings.num_cpus, settings.num_gpus),
        request_router_config=_ROUTING,
    )(OnDemandClassifier)
    load = loader_by_name(_token(config), options)
    return deployment.bind(load, settings.max_loaded, MAX_QUEUED_FRAMES, _telemetry(config))


def _videos(
    config: AppConfig,
    catalog: ModelCatalog,
    policy: CallPolicy,
    models: Mapping[str, Application],
    on_demand: Application | None,
) -> Application:
    settings = config.video
    deployment = serve.deployment(
        name="VideoClassifier",
        num_replicas="auto",
        autoscaling_config=_by_calls(settings.replicas, settings.max_concurrent_videos),
        max_replicas_per_node=_per_node(settings.replicas),
        max_ongoing_requests=settings.max_concurrent_videos,
        max_queued_requests=settings.max_waiting_videos,
        ray_actor_options={"num_cpus": settings.num_cpus},
        # A rolling update or a shutdown lets the videos in work finish.
        graceful_shutdown_timeout_s=config.request_timeout_seconds,
    )(VideoClassifier)
    # A process for each CPU, and for each video at least one.
    processes = max(settings.max_concurrent_videos, math.ceil(settings.num_cpus))
    return deployment.bind(
        catalog,
        # A video that was begun must not fail because images came in between.
        replace(policy, waits_for_room=True),
        models,
        on_demand,
        config.limits.media,
        processes,
        DecoderLimits(
            memory_bytes=settings.decoder_memory_bytes,
            cpu_seconds=config.request_timeout_seconds,
            busy_seconds=settings.decoder_busy_seconds,
            stall_seconds=settings.decoder_stall_seconds,
        ),
        secrets.token_bytes(SECRET_BYTES),
        _telemetry(config),
    )


def _per_node(replicas: ReplicaRange) -> int:
    # None is Serve's own default, no bound; its types leave that out.
    return replicas.max_per_node  # type: ignore[return-value]


def _by_calls(replicas: ReplicaRange, target_calls: float) -> AutoscalingConfig:
    return _autoscaling(replicas).model_copy(update={"target_ongoing_requests": target_calls})


def _by_frames(replicas: ReplicaRange, target_frames: float) -> AutoscalingConfig:
    policy = AutoscalingPolicy(  # type: ignore[no-untyped-call]
        policy_function=f"{FramesPolicy.__module__}:{FramesPolicy.__name__}",
        policy_kwargs={"target_frames": target_frames},
    )
    return _autoscaling(replicas).model_copy(update={"policy": policy})


def _autoscaling(replicas: ReplicaRange) -> AutoscalingConfig:
    return AutoscalingConfig(
        min_replicas=replicas.min,
        max_replicas=replicas.max,
        initial_replicas=None if replicas.min == 0 else replicas.min,
        upscale_delay_s=replicas.upscale_delay_seconds,
        downscale_delay_s=replicas.downscale_delay_seconds,
        look_back_period_s=replicas.look_back_seconds,
        # Deprecated for variables that Ray 2.60 does not read.
        metrics_interval_s=min(METRICS_INTERVAL_SECONDS, replicas.look_back_seconds / 3),
    )


def _resources(num_cpus: float, num_gpus: Gpus) -> dict[str, float]:
    if num_gpus == "auto":
        # The builder runs on the cluster, so this is what the cluster has.
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        num_gpus = 1.0 if resources.get("GPU", 0) else 0.0
    return {"num_cpus": num_cpus, "num_gpus": num_gpus}


def _telemetry(config: AppConfig) -> TelemetrySettings:
    return TelemetrySettings(config.observability.traces, config.default_score)


def _token(config: AppConfig) -> str | None:
    return config.access_token.get_secret_value() if config.access_token else None
