"""The one way to call a model over Ray: coalesce, bound, retry, give up at the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.calls import RetryPolicy, retrying, wanted, within
from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.coalescer import Coalescer, Origins
from deployments.classifier.deployment import ImageClassifier
from deployments.classifier.loading import sentence_of
from deployments.classifier.on_demand import OnDemandClassifier
from deployments.classifier.protocol import ModelState, ModelStatus
from deployments.classifier.replica import CallAnswer, ItemResult
from deployments.classifier.replicas_seen import ReplicasSeen
from deployments.errors import (
    DeadlineExceededError,
    ModelUnavailableError,
    OverloadedError,
    VigilError,
)
from deployments.telemetry import catalog as telemetry
from deployments.telemetry.metrics import Metrics, NoMetrics
from deployments.types import Frames, ModelInfo, Scores

ClassifierHandle: TypeAlias = (
    DeploymentHandle[ImageClassifier] | DeploymentHandle[OnDemandClassifier]
)

ROOM_SECONDS = 0.25
"""Until a full queue is tried again: some batches' time."""

MAX_LANES = 64
"""Models whose coalescers are kept; beyond them the idle ones are dropped."""


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How calls of a model behave."""

    timeout_seconds: float = 60.0
    """For one `ClassifierClient.classify`, its waiting and its retries included."""
    load_timeout_seconds: float = 300.0
    """For the first call of a model, which may have to load it."""
    status_timeout_seconds: float = 2.0
    """For each model's answer to `ClassifierClient.models`."""
    max_queued_frames: int = 4096
    """Frames that may wait in this process, for each model."""
    by_value_bytes: int = 48 * 2**20
    """Calls up to this size go over gRPC, whose message limit is set to 64 MiB; larger ones through
    the object store."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    waits_for_room: bool = False
    """Where the model's queues are full: wait, rather than refuse work that was accepted before."""


class ClassifierClient:
    """Implements `Classifier` over deployment handles.

    Args:
        catalog: The models to be had.
        configured: One handle for each configured model.
        on_demand: Handle of the multiplexed deployment; None without one.
        policy: Timeouts, retries, bounds.
        metrics: Records retries.
    """

    def __init__(
        self,
        catalog: ModelCatalog,
        configured: Mapping[str, DeploymentHandle[ImageClassifier]],
        on_demand: DeploymentHandle[OnDemandClassifier] | None,
        policy: CallPolicy | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._catalog = catalog
        self._configured = configured
        self._on_demand = on_demand
        self._policy = policy or CallPolicy()
        self._metrics = metrics or NoMetrics()
        self._infos: dict[str, ModelInfo] = {}
        self._lanes: dict[str, Coalescer] = {}

    async def info(self, model: str) -> ModelInfo:
        """See `Classifier.info`."""
        handle = self._handle(model)
        if model not in self._infos:
            what = _what(model)
            call = retrying(what, lambda: wanted(handle.info.remote()), self._policy.retry)
            self._infos[model] = await within(self._policy.load_timeout_seconds, what, call)
        return self._infos[model]

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        """See `Classifier.classify`."""
        lane = self._lanes.get(model)
        if lane is None:
            lane = await self._open_lane(model)
        call = self._submit(lane, frames, more_follow)
        return await within(self._policy.timeout_seconds, _what(model), call)

    async def _submit(self, lane: Coalescer, frames: Frames, more_follow: bool) -> Scores:
        while True:
            try:
                return await lane.submit(frames, more_follow=more_follow)
            except OverloadedError:
                if not self._policy.waits_for_room:
                    raise
            await asyncio.sleep(ROOM_SECONDS)

    async def models(self) -> list[ModelStatus]:
        """See `Classifier.models`."""
        rest = (name for name in self._catalog.configured if name != self._catalog.default)
        return list(await asyncio.gather(*map(self._status, (self._catalog.default, *rest))))

    def _handle(self, model: str) -> ClassifierHandle:
        if self._catalog.is_configured(model):
            return self._configured[model]
        if self._on_demand is None:
            raise ModelUnavailableError(
                f"The model {model!r} would load on demand, which is switched off here."
            )
        return self._on_demand.options(multiplexed_model_id=model)

    async def _open_lane(self, model: str) -> Coalescer:
        info = await self.info(model)
        handle = self._handle(model)
        replicas = ReplicasSeen()

        async def send(
            items: list[Frames], waiting_frames: float, origins: Origins
        ) -> Sequence[ItemResult]:
            by_value = sum(item.nbytes for item in items) <= self._policy.by_value_bytes
            target = handle if by_value else handle.options(_by_reference=True)
            answer: CallAnswer = await retrying(
                _what(model),
                lambda: wanted(target.classify.remote(items, waiting_frames, origins)),
                self._policy.retry,
                lambda: self._metrics.count(telemetry.CALL_RETRIES, 1, model),
            )
            replicas.saw(answer.replica)
            return answer.results

        if len(self._lanes) >= MAX_LANES:
            for name in [name for name, lane in self._lanes.items() if lane.idle]:
                del self._lanes[name]
        return self._lanes.setdefault(
            model,
            Coalescer(
                send,
                max_call_frames=info.max_batch_size,
                max_queued_frames=self._policy.max_queued_frames,
                # One under way at each replica, and one that waits, or is on its way.
                eager_calls=lambda: replicas.count() + 1,
            ),
        )

    async def _status(self, model: str) -> ModelStatus:
        state: ModelState = "ready"
        info = None
        handle = self._configured[model]
        what = _what(model)
        call = retrying(what, lambda: wanted(handle.info.remote()), self._policy.retry)
        try:
            info = await within(self._policy.status_timeout_seconds, what, call)
        except DeadlineExceededError:
            state = "starting"
        except VigilError as error:
            why = await asyncio.to_thread(_why_unavailable, handle)
            return ModelStatus(model, "unavailable", None, why or error.detail)
        return ModelStatus(model, state, info)


def _why_unavailable(handle: DeploymentHandle[ImageClassifier]) -> str | None:
    """What the replicas of a deployment failed with, as Serve's controller knows it; blocking."""
    place = handle.deployment_id
    application = serve.status().applications.get(place.app_name)
    deployment = application and application.deployments.get(place.name)
    return sentence_of(deployment.message) if deployment else None


def _what(model: str) -> str:
    return f"The model {model!r}"
