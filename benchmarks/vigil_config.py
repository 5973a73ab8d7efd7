"""The configuration that Vigil is measured with: the one that it ships with, and another model."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeAlias

import yaml

from benchmarks.machine import ROOT
from benchmarks.model_kind import ModelKind
from benchmarks.servers import HOST
from serve_app.config import FRONT_GATE_VARIABLE
from serve_app.front_gate import rules

Yaml: TypeAlias = dict[str, "Yaml"] | list["Yaml"] | str | int | float | bool | None

MODEL_NAME = "benchmark"
VIGIL_IMPORT_PATH = "serve_app.app:build"
ZERO_IMPORT_PATH = "benchmarks.images.systems.zero_app:build"
BARE_IMPORT_PATH = "benchmarks.images.systems.bare_app:build"
EMPTY_IMPORT_PATH = "benchmarks.images.systems.empty_app:app"


def shipped() -> dict[str, Yaml]:
    """``serve_config.yaml``."""
    config: dict[str, Yaml] = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    return config


def vigil(config: dict[str, Yaml], port: int, kind: ModelKind, source: str) -> dict[str, Yaml]:
    """Everything as it ships, but the port and the model.

    Args:
        config: As `shipped` gives it.
        port: Of HTTP.
        kind: Which model.
        source: Its checkpoint's directory; not used for ``zero``.
    """
    config = listening(config, port)
    application = _application(config)
    application["import_path"] = (
        ZERO_IMPORT_PATH if kind.checkpoint == "zero" else VIGIL_IMPORT_PATH
    )
    arguments = application["args"]
    assert isinstance(arguments, dict)
    models = arguments["models"]
    assert isinstance(models, list)
    first = models[0]
    assert isinstance(first, dict)
    arguments["models"] = [
        {**first, "name": MODEL_NAME, "source": source, "revision": None, "dtype": kind.dtype}
    ]
    arguments["default_model"] = MODEL_NAME
    return config


def bare(config: dict[str, Yaml], port: int, kind: ModelKind, source: str) -> dict[str, Yaml]:
    """The same settings of Ray, Serve and the model around an application without all the rest.

    Args:
        config: As `shipped` gives it.
        port: Of HTTP.
        kind: Which model; not ``zero``.
        source: Its checkpoint's directory.
    """
    config = vigil(config, port, kind, source)
    _application(config)["import_path"] = BARE_IMPORT_PATH
    return config


def empty(config: dict[str, Yaml], port: int) -> dict[str, Yaml]:
    """The same Ray and Serve settings around an application that does nothing."""
    config = listening(config, port)
    application = _application(config)
    application["import_path"] = EMPTY_IMPORT_PATH
    del application["args"]
    return config


def arguments_of(config: dict[str, Yaml]) -> dict[str, Yaml]:
    """``args`` of the application."""
    arguments = _application(config)["args"]
    assert isinstance(arguments, dict)
    return arguments


def let_in(config: dict[str, Yaml], requests: int) -> None:
    """Have both gates admit so many requests for each ingress replica.

    Args:
        config: Is changed.
        requests: With images, under way.
    """
    ingress = arguments_of(config)["ingress"]
    assert isinstance(ingress, dict)
    ingress["max_concurrent_requests"] = requests
    controller = config["controller_options"]
    assert isinstance(controller, dict)
    environment = controller["runtime_env"]
    assert isinstance(environment, dict)
    variables = environment["env_vars"]
    assert isinstance(variables, dict)
    variables[FRONT_GATE_VARIABLE] = rules(requests)


def listening(config: dict[str, Yaml], port: int) -> dict[str, Yaml]:
    """A copy that listens on a port of `HOST`."""
    config = deepcopy(config)
    options = config["http_options"]
    assert isinstance(options, dict)
    options.update(host=HOST, port=port)
    return config


def _application(config: dict[str, Yaml]) -> dict[str, Yaml]:
    applications = config["applications"]
    assert isinstance(applications, list)
    application = applications[0]
    assert isinstance(application, dict)
    return application
