"""What loads models, for a process that only says so: the application's builder.

torch and transformers take three seconds of a core to import. The replicas that run a model need
them; the builder, which all replicas wait for, does not.
"""

from __future__ import annotations

import functools

from deployments.classifier.hub import ModelSource
from deployments.classifier.on_demand import LoadNamed
from deployments.classifier.options import ModelOptions
from deployments.classifier.replica import LoadedModel, LoadModel


def loader(source: ModelSource, options: ModelOptions) -> LoadModel:
    """What loads one model; it raises as `deployments.classifier.model.load_model`."""
    return functools.partial(_load, source, options)


def loader_by_name(token: str | None, options: ModelOptions) -> LoadNamed:
    """What loads any model by the hub name that a client gave; it raises as `loader`'s."""
    return functools.partial(_load_by_name, token, options)


def _load(source: ModelSource, options: ModelOptions) -> LoadedModel:
    from deployments.classifier.model import load_model  # in the replica only

    return load_model(source, options)


def _load_by_name(token: str | None, options: ModelOptions, name: str) -> LoadedModel:
    return _load(ModelSource.requested(name, token), options)
