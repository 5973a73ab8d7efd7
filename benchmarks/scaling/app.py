"""Vigil's application on sleeping models: ``source: "sleep:0.2"`` takes 0.2 s for each batch."""

from __future__ import annotations

from collections.abc import Mapping

from ray.serve.deployment import Application

from benchmarks.scaling.model import SleepingModel
from serve_app.app import assemble
from serve_app.config import ModelConfig, resolve


def build(args: Mapping[str, object]) -> Application:
    """Build the application, as ``serve_app.app.build`` does."""
    config = resolve(args, {})
    return assemble(config, {model.name: sleeping(model) for model in config.models})


def sleeping(model: ModelConfig) -> SleepingModel:
    """The model that a configured source describes.

    Raises:
        ValueError: The source is no sleeping model.
    """
    kind, _, seconds = model.checkpoint.partition(":")
    if kind != "sleep":
        raise ValueError(f"{model.checkpoint!r} is not of the form sleep:<seconds>")
    return SleepingModel(model.name, float(seconds), model.max_batch_size)
