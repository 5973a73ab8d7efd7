"""Deployment handles without Ray: calls go through pickle to a replica in this process."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deployments.classifier.fake import redness_scores
from deployments.classifier.replica import CallAnswer, ItemResult, ModelReplica
from deployments.telemetry.request import Origin
from deployments.types import Frames, ModelInfo, Scores


@dataclass
class RednessModel:
    """A model with the scores of `FakeClassifier`."""

    info: ModelInfo

    def scores(self, items: Sequence[Frames]) -> Scores:
        assert sum(map(len, items)) <= self.info.max_batch_size
        return redness_scores(np.concatenate(items), len(self.info.labels))


@dataclass
class _Method:
    call: Callable[..., Awaitable[object]]

    def remote(self, *args: object) -> asyncio.Task[object]:
        return asyncio.create_task(self._answer(pickle.dumps(args)))

    async def _answer(self, args: bytes) -> object:
        return pickle.loads(pickle.dumps(await self.call(*pickle.loads(args))))


class LoopbackHandle:
    """As much of a deployment handle as the client uses."""

    def __init__(self, model: ModelInfo) -> None:
        self._replica = ModelReplica(RednessModel(model), max_queued_frames=1000)
        self.info = _Method(self._info)
        self.classify = _Method(self._classify)

    def options(self, **_: object) -> LoopbackHandle:
        return self

    async def _info(self) -> ModelInfo:
        return self._replica.info

    async def _classify(
        self, items: list[Frames], _waiting_frames: float, origins: list[Origin | None]
    ) -> CallAnswer:
        return CallAnswer(await self._results(items, origins), "the only one")

    async def _results(self, items: list[Frames], origins: list[Origin | None]) -> list[ItemResult]:
        return await self._replica.classify(items, origins)
