"""Peer ``bare``: the least that a Ray Serve application does for an image.

One deployment takes the upload, decodes and resizes it, another runs the model: with Vigil's own
functions and Serve's settings, and nothing else around them. What it takes for one image, no
application can do without that keeps the model in a process of its own and has Serve call it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ray import serve
from ray.serve.deployment import Application
from ray.serve.handle import DeploymentHandle
from starlette.datastructures import UploadFile
from starlette.requests import Request

from deployments.classifier.replica import LoadedModel, LoadModel
from deployments.media.fit import fit
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.process_memory import keep_freed_memory
from deployments.types import Frames, ModelInfo, Scores
from serve_app.app import model_loader
from serve_app.config import resolve


@serve.deployment(ray_actor_options={"num_cpus": 1})
class BareModel:
    """One pass for each call."""

    def __init__(self, load: LoadModel) -> None:
        self._model: LoadedModel = load()

    async def info(self) -> ModelInfo:
        """Labels and input."""
        return self._model.info

    async def scores(self, frames: Frames) -> Scores:
        """``[N, L]`` of frames ``[N, H, W, 3]``."""
        return await asyncio.to_thread(self._model.scores, [frames])


@serve.deployment(ray_actor_options={"num_cpus": 0.2})
class BareIngress:
    """Takes stills in the form field ``file``; answers with scores by label."""

    def __init__(self, model: DeploymentHandle[BareModel], limits: MediaLimits) -> None:
        keep_freed_memory()  # as Vigil's ingress does
        self._model = model
        self._limits = limits
        self._info: ModelInfo | None = None

    async def __call__(self, request: Request) -> list[dict[str, str | float]]:
        """Classify."""
        if self._info is None:
            self._info = await self._model.info.remote()
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            data = await file.read()
        frames = await asyncio.to_thread(self._frames, data, self._info)
        (row,) = await self._model.scores.remote(frames)
        named = zip(self._info.labels, map(float, row), strict=True)
        return [{"label": label, "score": score} for label, score in named]

    def _frames(self, data: bytes, info: ModelInfo) -> Frames:
        (frame,) = open_image(data, self._limits).frames(())
        return fit(frame.pixels, info.input)[None]


def build(args: Mapping[str, object]) -> Application:
    """With the first model of Vigil's configuration."""
    config = resolve(args, {})
    model = BareModel.bind(model_loader(config, config.models[0]))
    return BareIngress.bind(model, config.limits.media)
