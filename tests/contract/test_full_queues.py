"""What the client does where a model's queues are full."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from deployments.classifier import client
from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.client import CallPolicy, ClassifierClient
from deployments.classifier.fake import FAKE_MODEL, redness_scores
from deployments.classifier.replica import ItemResult
from deployments.errors import DeadlineExceededError, OverloadedError
from deployments.telemetry.request import Origin
from deployments.types import Frames
from tests.contract.loopback import LoopbackHandle

PICTURES = np.full((2, 32, 32, 3), (200, 10, 10), np.uint8)


class FullHandle(LoopbackHandle):
    """Has no room for the first calls."""

    def __init__(self, full_for: int) -> None:
        super().__init__(FAKE_MODEL)
        self._full_for = full_for

    async def _results(self, items: list[Frames], origins: list[Origin | None]) -> list[ItemResult]:
        self._full_for -= 1
        if self._full_for >= 0:
            return [OverloadedError("The model's queue is full.")] * len(items)
        return await super()._results(items, origins)


def make(full_for: int, policy: CallPolicy) -> ClassifierClient:
    catalog = ModelCatalog(default=FAKE_MODEL.name, configured=(FAKE_MODEL.name,), allow=())
    handles = cast("Any", {FAKE_MODEL.name: FullHandle(full_for)})
    return ClassifierClient(catalog, handles, None, policy)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ROOM_SECONDS", 0.001)


async def test_new_work_is_refused() -> None:
    with pytest.raises(OverloadedError):
        await make(1, CallPolicy()).classify(FAKE_MODEL.name, PICTURES)


async def test_work_that_was_begun_waits_for_room() -> None:
    classifier = make(5, CallPolicy(waits_for_room=True))
    scores = await classifier.classify(FAKE_MODEL.name, PICTURES)
    np.testing.assert_allclose(scores, redness_scores(PICTURES, 2))


async def test_it_waits_no_longer_than_its_time() -> None:
    classifier = make(10**9, CallPolicy(timeout_seconds=0.05, waits_for_room=True))
    with pytest.raises(DeadlineExceededError):
        await classifier.classify(FAKE_MODEL.name, PICTURES)
