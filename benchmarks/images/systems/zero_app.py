"""Vigil with a model that costs nothing in the place of the configured one."""

from __future__ import annotations

from collections.abc import Mapping

from ray.serve.deployment import Application

from benchmarks.images.zero import ZeroModel
from serve_app.app import assemble
from serve_app.config import resolve


def build(args: Mapping[str, object]) -> Application:
    """As ``serve_app.app.build``, without the environment."""
    config = resolve(args, {})
    models = {model.name: ZeroModel(model.name, model.max_batch_size) for model in config.models}
    return assemble(config, models)
