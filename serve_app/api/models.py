"""``GET /v1/models`` and ``GET /v1/limits``: what can be asked for, and how much of it."""

from __future__ import annotations

from fastapi import APIRouter

from deployments.classifier.protocol import Classifier, ModelStatus
from serve_app.config import AppConfig
from serve_app.schemas import LimitsAnswer, ModelEntry, ModelInput, ModelsAnswer, OnDemand


def models_router(config: AppConfig, classifier: Classifier) -> APIRouter:
    """The routes that describe the service.

    Args:
        config: What was configured.
        classifier: Knows which models answer.
    """
    router = APIRouter(prefix="/v1", tags=["v1"])
    limits = LimitsAnswer(
        **config.limits.model_dump(exclude={"max_inflight_upload_bytes"}),
        request_timeout_seconds=config.request_timeout_seconds,
    )

    @router.get("/models", summary="The models to be had")
    async def models() -> ModelsAnswer:
        """The configured models, the default first, and which others may be named."""
        return ModelsAnswer(
            default=config.default_model,
            default_score=config.default_score,
            models=[_entry(status) for status in await classifier.models()],
            on_demand=OnDemand(allow=list(config.on_demand.allow)),
        )

    @router.get("/limits", summary="What is refused for its size")
    async def read_limits() -> LimitsAnswer:
        """Bytes, pixels, frames, seconds and files."""
        return limits

    return router


def _entry(status: ModelStatus) -> ModelEntry:
    info = status.info
    if info is None:
        return ModelEntry(
            name=status.name,
            labels=None,
            flagged_labels=None,
            input=None,
            revision=None,
            state=status.state,
            detail=status.detail,
            demonstration=None,
        )
    return ModelEntry(
        name=status.name,
        labels=list(info.labels),
        flagged_labels=list(info.flagged_labels),
        input=ModelInput(height=info.input.height, width=info.input.width),
        revision=info.revision,
        state=status.state,
        demonstration=info.demonstration,
    )
