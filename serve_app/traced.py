"""Spans of the HTTP server, by OpenTelemetry's own instrumentation of FastAPI."""

from __future__ import annotations

from importlib import import_module

from fastapi import FastAPI

from deployments.telemetry.otel import TracingUnavailableError

_UNTRACED = "healthz,readyz"


def trace_requests(app: FastAPI) -> None:
    """Begin a span with every request, or continue the one that its ``traceparent`` names.

    Args:
        app: Before it serves.

    Raises:
        TracingUnavailableError: The extra ``otel`` is not installed.
    """
    try:
        module = import_module("opentelemetry.instrumentation.fastapi")
    except ImportError as error:
        raise TracingUnavailableError(
            "Tracing is on, and FastAPI's instrumentation is not installed: "
            "pip install 'vigil[otel]'."
        ) from error
    module.FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=_UNTRACED,
        exclude_spans=["receive", "send"],  # one for each piece of a body would be noise
    )
