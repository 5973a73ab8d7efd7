"""Turns tracing on in this process, with the exporter that the standard ``OTEL_…`` variables name.

The SDK reads those variables itself (endpoint, headers, sampler, resource):
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import logging
from importlib import import_module

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

logger = logging.getLogger(__name__)

_DEFAULT_NAME = "vigil"


class TracingUnavailableError(RuntimeError):
    """Tracing is asked for and cannot be had; the message says what to install."""


def start_tracing(component: str) -> None:
    """Export this process's spans; again: without effect.

    Args:
        component: Which of the service's processes this is, told as ``vigil.component``.

    Raises:
        TracingUnavailableError: The extra ``otel`` is not installed.
    """
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(resource=_resource(component))
    provider.add_span_processor(BatchSpanProcessor(_exporter()))
    trace.set_tracer_provider(provider)
    logger.info("%s exports its spans by OTLP", component)


def _resource(component: str) -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES where they are given."""
    given = Resource.create({"vigil.component": component})
    if str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return given.merge(Resource({SERVICE_NAME: _DEFAULT_NAME}))
    return given


def _exporter() -> SpanExporter:
    try:
        module = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise TracingUnavailableError(
            "Tracing is on, and its exporter is not installed: pip install 'vigil[otel]'."
        ) from error
    exporter = module.OTLPSpanExporter()
    assert isinstance(exporter, SpanExporter)  # noqa: S101 - narrows the type
    return exporter
