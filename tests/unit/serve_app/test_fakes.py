"""The fakes are a public seam: what other tests rely on is tested here."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier, fake_model, redness_scores
from deployments.errors import CorruptMediaError, InferenceError, ModelNotFoundError
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import Analysis, AnalysisRequest, LabelFound, Progress
from deployments.video.fake import FakeVideoAnalyst, FakeVideoFinder


def frames(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in colours])


async def test_scores_follow_the_redness_of_each_frame() -> None:
    scores = await FakeClassifier().classify(
        FAKE_MODEL.name, frames((0, 0, 0), (255, 0, 0), (51, 0, 0), (0, 255, 0), (9, 9, 9))
    )
    assert scores.dtype == np.float32
    assert scores[:, 1].tolist() == pytest.approx([0, 1, 0.2, 0, 0])


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_scores_of_several_labels_sum_to_1(labels: int) -> None:
    scores = redness_scores(frames((100, 0, 0)), labels)
    assert scores.shape == (1, labels)
    assert scores.sum() == pytest.approx(1)


def test_one_label_has_the_redness_itself() -> None:
    assert redness_scores(frames((255, 0, 0)), 1).tolist() == [[1.0]]


async def test_frames_that_were_not_fit_for_the_model_are_refused() -> None:
    with pytest.raises(ValueError, match="takes frames"):
        await FakeClassifier().classify(FAKE_MODEL.name, np.zeros((1, 8, 8, 3), np.uint8))


async def test_failures_are_per_model_and_can_be_taken_back() -> None:
    classifier = FakeClassifier([FAKE_MODEL, fake_model("b", ["x", "y"])])
    classifier.fail("b", InferenceError("NaN."))
    await classifier.classify(FAKE_MODEL.name, frames((0, 0, 0)))
    with pytest.raises(InferenceError):
        await classifier.classify("b", frames((0, 0, 0)))
    classifier.fail("b", None)
    await classifier.classify("b", frames((0, 0, 0)))
    assert [call.model for call in classifier.calls] == [FAKE_MODEL.name, "b", "b"]


async def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(ModelNotFoundError, match="builtin/demo"):
        await FakeClassifier().info("nope")


async def test_the_fake_video_is_searched_as_a_real_one_is() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]], np.float32)
    finder = FakeVideoFinder({FAKE_MODEL.name: (FAKE_MODEL, scores)})
    query = LabelQuery(FAKE_MODEL.name, None, 0.7)
    assert await finder.find(b"video", [query]) == [[Finding(2, "nsfw", pytest.approx(0.8))]]
    skipping = await finder.find(b"video", [query], skip_percentage=66)
    assert skipping == [[Finding(3, "nsfw", pytest.approx(0.9))]]
    with pytest.raises(ModelNotFoundError):
        await finder.find(b"video", [LabelQuery("nope", None, 0.7)])


class TestFakeVideoAnalyst:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]], np.float32)
    request = AnalysisRequest(FAKE_MODEL.name, 0.7)

    @pytest.fixture
    def analyst(self) -> FakeVideoAnalyst:
        return FakeVideoAnalyst({FAKE_MODEL.name: (FAKE_MODEL, self.scores)})

    async def test_it_tells_what_the_scores_say(self, analyst: FakeVideoAnalyst) -> None:
        *news, analysis = [event async for event in analyst.analyse(b"video", self.request)]
        assert [type(event) for event in news] == [Progress, LabelFound, Progress, Progress]
        assert isinstance(analysis, Analysis)
        [segment] = analysis.segments
        assert (segment.start_frame, segment.end_frame) == (2, 3)
        assert analysis.flagged is True
        assert analyst.closed.is_set()

    async def test_it_plays_a_script(self, analyst: FakeVideoAnalyst) -> None:
        gate = asyncio.Event()
        analyst.play(Progress(1.0, 0.5), gate, CorruptMediaError("Damaged."))
        events = analyst.analyse(b"video", self.request)
        assert await anext(events) == Progress(1.0, 0.5)
        gate.set()
        with pytest.raises(CorruptMediaError):
            await anext(events)

    async def test_closing_it_is_noticed(self, analyst: FakeVideoAnalyst) -> None:
        events = analyst.analyse(b"video", self.request)
        await anext(events)
        assert not analyst.closed.is_set()
        await events.aclose()
        assert analyst.closed.is_set()

    async def test_failures_are_the_finders_too(self, analyst: FakeVideoAnalyst) -> None:
        analyst.fail(InferenceError("NaN."))
        with pytest.raises(InferenceError):
            await anext(analyst.analyse(b"video", self.request))
        analyst.fail(None)
        with pytest.raises(ModelNotFoundError):
            await anext(analyst.analyse(b"video", replace(self.request, model="nope")))
        assert len(analyst.requests) == 2
