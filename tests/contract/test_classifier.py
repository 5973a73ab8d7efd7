"""What everybody may expect of a `Classifier`, over its implementations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from deployments.classifier.catalog import ModelCatalog
from deployments.classifier.client import ClassifierClient
from deployments.classifier.fake import FAKE_MODEL, FakeClassifier, fake_model, redness_scores
from deployments.classifier.protocol import Classifier
from deployments.errors import ModelNotFoundError
from deployments.types import Frames
from tests.contract.loopback import LoopbackHandle

OTHER = fake_model("acme/other", ["a", "b", "c"])


def fake() -> Classifier:
    return FakeClassifier([FAKE_MODEL, OTHER])


def client() -> Classifier:
    catalog = ModelCatalog(FAKE_MODEL.name, (OTHER.name, FAKE_MODEL.name))
    handles = {model.name: LoopbackHandle(model) for model in (FAKE_MODEL, OTHER)}
    return ClassifierClient(catalog, handles, None)  # type: ignore[arg-type]


@pytest.fixture(params=[fake, client])
def make(request: pytest.FixtureRequest) -> Callable[[], Classifier]:
    """Called inside the test, whose event loop the implementation may bind to."""
    implementation: Callable[[], Classifier] = request.param
    return implementation


def frames(count: int, seed: int = 0) -> Frames:
    spec = FAKE_MODEL.input
    shape = (count, spec.height, spec.width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


async def test_info_is_of_the_model_asked(make: Callable[[], Classifier]) -> None:
    classifier = make()
    assert await classifier.info(FAKE_MODEL.name) == FAKE_MODEL
    assert await classifier.info(OTHER.name) == OTHER


async def test_every_frame_has_its_row_in_order(make: Callable[[], Classifier]) -> None:
    pictures = frames(5)
    scores = await make().classify(FAKE_MODEL.name, pictures)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, redness_scores(pictures, 2))


async def test_any_number_of_frames_is_taken(make: Callable[[], Classifier]) -> None:
    pictures = frames(5 * FAKE_MODEL.max_batch_size + 3)
    scores = await make().classify(FAKE_MODEL.name, pictures)
    np.testing.assert_allclose(scores, redness_scores(pictures, 2))


async def test_callers_at_the_same_time_get_their_own_scores(
    make: Callable[[], Classifier],
) -> None:
    classifier = make()
    pictures = [frames(1 + seed % 7, seed) for seed in range(40)]
    models = [FAKE_MODEL if seed % 3 else OTHER for seed in range(40)]
    answers = await asyncio.gather(
        *(classifier.classify(m.name, p) for m, p in zip(models, pictures, strict=True))
    )
    for answer, picture, model in zip(answers, pictures, models, strict=True):
        np.testing.assert_allclose(answer, redness_scores(picture, len(model.labels)))


async def test_an_unknown_model_is_not_found_and_the_others_are_named(
    make: Callable[[], Classifier],
) -> None:
    classifier = make()
    with pytest.raises(ModelNotFoundError, match=FAKE_MODEL.name):
        await classifier.info("no/such")
    with pytest.raises(ModelNotFoundError, match=FAKE_MODEL.name):
        await classifier.classify("no/such", frames(1))


async def test_the_models_are_listed_with_the_default_first(
    make: Callable[[], Classifier],
) -> None:
    statuses = await make().models()
    assert [status.name for status in statuses] == [FAKE_MODEL.name, OTHER.name]
    assert {status.state for status in statuses} == {"ready"}
    assert [status.info for status in statuses] == [FAKE_MODEL, OTHER]
