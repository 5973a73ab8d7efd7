"""``/healthz`` and ``/readyz``: open to everyone, also where API keys are asked for."""

from __future__ import annotations

from fastapi import APIRouter

from deployments.classifier.protocol import Classifier
from deployments.errors import ModelUnavailableError
from serve_app.api.documentation import problems
from serve_app.schemas import StatusAnswer


def health_router(default_model: str, classifier: Classifier) -> APIRouter:
    """The routes for probes.

    Args:
        default_model: The model that must answer for the service to be ready.
        classifier: Knows which models answer.
    """
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is the process alive?")
    async def healthz() -> StatusAnswer:
        """Answers whenever HTTP does."""
        return StatusAnswer(status="alive")

    @router.get("/readyz", summary="Does the default model answer?", responses=problems([503]))
    async def readyz() -> StatusAnswer:
        """200 once the default model is loaded, else 503."""
        statuses = {status.name: status for status in await classifier.models()}
        status = statuses[default_model]
        if status.state != "ready":
            why = f": {status.detail}" if status.detail else "."
            raise ModelUnavailableError(
                f"The default model {default_model!r} is {status.state}{why}"
            )
        return StatusAnswer(status="ready")

    return router
