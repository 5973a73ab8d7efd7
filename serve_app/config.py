"""The typed ``args`` of ``serve_config.yaml``, and the only place that reads the environment.

`resolve` is pure: arguments and an environment in, a frozen `AppConfig` out. `environment` is what
reads the process's environment and the ``.env`` file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, model_validator

from serve_app.config_access import AccessConfig, ApiKey
from serve_app.config_sections import (
    Gpus,
    IngressConfig,
    LimitsConfig,
    ModelConfig,
    ObservabilityConfig,
    OnDemandConfig,
    PerformanceConfig,
    ReplicaRange,
    Section,
    VideoConfig,
)

__all__ = [
    "AccessConfig",
    "ApiKey",
    "AppConfig",
    "ConfigError",
    "Gpus",
    "IngressConfig",
    "LimitsConfig",
    "ModelConfig",
    "ObservabilityConfig",
    "OnDemandConfig",
    "ReplicaRange",
    "VideoConfig",
    "environment",
    "resolve",
]

ENVIRONMENT_VARIABLES: Mapping[str, str] = {
    "DEFAULT_MODEL_NAME": "default_model",
    "DEFAULT_SCORE": "default_score",
    "ACCESS_TOKEN": "access_token",
    "USE_API_KEYS": "use_api_keys",
    "API_KEYS": "api_keys",
}
"""The variables that are read, and the field of `AppConfig` that each one sets."""

TRACES_VARIABLE = "OTEL_TRACES_EXPORTER"
"""OpenTelemetry's own switch: ``otlp`` or ``none``. The OTEL_ variables beside it are read by the
OpenTelemetry SDK in each replica, which inherits them from where Ray was started."""

FRONT_GATE_VARIABLE = "RAY_SERVE_HAPROXY_HEALTH_CHECK_DOWNINTER"
"""From which Serve takes the rules of `serve_app.front_gate`, to put them into a ``default-server``
line of HAProxy's; proxies and replicas have it from ``controller_options``."""

SECRET_FIELDS = ("access_token", "api_keys")
"""Fields that only the environment may set: Serve shows ``args`` in its dashboard and its API."""

DEFAULT_MODEL = "builtin/demo"


class ConfigError(ValueError):
    """The configuration cannot be used; the message names each key and what is wrong with it."""


class AppConfig(Section):
    """Everything that the application can be told. Plain data, sent to the replicas by pickle."""

    default_model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        description="Model of requests that name none. DEFAULT_MODEL_NAME wins; a model that "
        "`models` does not list gets a deployment of its own.",
    )
    default_score: float = Field(
        default=0.7,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Threshold of requests that give no `score`. DEFAULT_SCORE wins.",
    )
    models: tuple[ModelConfig, ...] = Field(
        default=(ModelConfig(name=DEFAULT_MODEL),),
        min_length=1,
        description="The models that have a deployment of their own.",
    )
    on_demand: OnDemandConfig = Field(
        default=OnDemandConfig(),
        description="The models that clients may name beyond `models`.",
    )
    ingress: IngressConfig = Field(
        default=IngressConfig(), description="The deployment that speaks HTTP."
    )
    video: VideoConfig = Field(default=VideoConfig(), description="Where videos are decoded.")
    limits: LimitsConfig = Field(
        default=LimitsConfig(), description="What is refused for its size."
    )
    observability: ObservabilityConfig = Field(
        default=ObservabilityConfig(), description="What operators see."
    )
    performance: PerformanceConfig = Field(
        default=PerformanceConfig(), description="What is traded for speed."
    )
    request_timeout_seconds: float = Field(
        default=1800.0,
        gt=0,
        description="Time for one request, its upload included; beyond: 504.",
    )
    classify_timeout_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Time for one call to a model, the wait for a replica included; beyond: 504.",
    )
    use_api_keys: bool = Field(
        default=False,
        description="Ask for an API key in `X-API-Key`. USE_API_KEYS wins; where neither is "
        "given, keys in API_KEYS or in `access.keys` turn it on.",
    )
    api_keys: tuple[ApiKey, ...] = Field(
        default=(),
        description="Accepted keys beside `access.keys`. Only from API_KEYS, comma separated; only "
        "their hashes are kept.",
    )
    access: AccessConfig = Field(
        default=AccessConfig(), description="Who may use the service, and how much of it."
    )
    access_token: SecretStr | None = Field(
        default=None, description="Hub token for gated models. Only from ACCESS_TOKEN."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [model.name for model in self.models]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(f"models: the name {min(repeated)!r} is given more than once")
        if self.default_model not in names:
            raise ValueError(
                f"default_model: {self.default_model!r} is not among models: {', '.join(names)}"
            )
        if self.use_api_keys and not (self.api_keys or self.access.keys):
            raise ValueError(
                "use_api_keys: is on, but API_KEYS holds no key and access.keys none either, so "
                "every request would be refused"
            )
        return self

    @property
    def accepted_keys(self) -> tuple[ApiKey, ...]:
        """One of these is asked for; empty: none is."""
        return (*self.api_keys, *self.access.keys) if self.use_api_keys else ()


def environment(directory: Path | None = None) -> dict[str, str]:
    """The variables that this service reads, from ``.env`` and the process's environment.

    Args:
        directory: Where ``.env`` lies; None: the working directory.

    Returns:
        Only variables of `ENVIRONMENT_VARIABLES`, `TRACES_VARIABLE` and `FRONT_GATE_VARIABLE` that
        have a value; the process's environment wins over ``.env``.
    """
    # Without interpolation: a "$" in a key or token is meant.
    from_file = dotenv_values((directory or Path.cwd()) / ".env", interpolate=False)
    merged = {**from_file, **os.environ}
    names = (*ENVIRONMENT_VARIABLES, TRACES_VARIABLE, FRONT_GATE_VARIABLE)
    return {name: value for name in names if (value := merged.get(name))}


def resolve(args: Mapping[str, object], environ: Mapping[str, str]) -> AppConfig:
    """The configuration that ``args`` and the environment give together; the environment wins.

    Args:
        args: ``args`` of the application in ``serve_config.yaml``.
        environ: As `environment` returns it; empty values count as not given.

    Raises:
        ConfigError: A key is unknown, has an impossible value, or contradicts another.
    """
    for field in SECRET_FIELDS:
        if field in args:
            variable = next(v for v, f in ENVIRONMENT_VARIABLES.items() if f == field)
            raise ConfigError(
                f"{field}: is a secret and belongs in the environment variable {variable} "
                "(or in .env), not in the configuration file"
            )
    merged = dict(args)
    for variable, field in ENVIRONMENT_VARIABLES.items():
        if value := environ.get(variable, "").strip():
            merged[field] = value
    if keys := environ.get("API_KEYS", ""):
        plain = [key for part in keys.split(",") if (key := part.strip())]
        # Hashed at once: the configuration travels to the replicas and is kept by Ray.
        merged["api_keys"] = [
            ApiKey.of_plain(f"API_KEYS {number}", key) for number, key in enumerate(plain, 1)
        ]
        merged.setdefault("use_api_keys", bool(plain))
    access = merged.get("access")
    if isinstance(access, Mapping) and access.get("keys"):
        merged.setdefault("use_api_keys", True)
    if name := environ.get("DEFAULT_MODEL_NAME", "").strip():
        merged["models"] = _with_model(merged.get("models"), name)
    if exporter := environ.get(TRACES_VARIABLE, "").strip():
        merged["observability"] = _with_traces(merged.get("observability"), exporter)
    try:
        return AppConfig.model_validate(merged)
    except ValidationError as error:
        # `from None`: the original would show its input, and with it the secrets.
        raise ConfigError(_readable(error, environ)) from None


def _with_model(models: object, name: str) -> object:
    """The ``models`` section, with an entry for ``name`` (``id`` or ``id@revision``)."""
    if models is None:
        models = [{"name": DEFAULT_MODEL}]
    if not isinstance(models, list | tuple):
        return models  # not a list: the validation will say so
    if any(isinstance(model, Mapping) and model.get("name") == name for model in models):
        return models
    source, at, revision = name.partition("@")
    entry = {"name": name, "source": source, "revision": revision} if at else {"name": name}
    return [*models, entry]


def _with_traces(section: object, exporter: str) -> object:
    """The ``observability`` section, with traces on or off."""
    if exporter not in ("otlp", "none"):
        raise ConfigError(f"{TRACES_VARIABLE}: is {exporter!r}; here it may be otlp or none")
    if section is None:
        section = {}
    if not isinstance(section, Mapping):
        return section  # not a mapping: the validation will say so
    return {**section, "traces": exporter == "otlp"}


def _readable(error: ValidationError, environ: Mapping[str, str]) -> str:
    variables = {field: name for name, field in ENVIRONMENT_VARIABLES.items() if environ.get(name)}
    lines = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        key = ".".join(str(part) for part in item["loc"])
        if key in variables:
            key = variables[key]
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"{key}: {message}" if key else message)
    return "\n".join(lines)
