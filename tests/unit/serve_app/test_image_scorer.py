"""What an image's way to the model tells and leaves out; what it finds is tested at the routes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.media.limits import MediaLimits
from deployments.telemetry.metrics import NoMetrics
from deployments.types import Frames, Scores
from serve_app.images import ImageScorer
from serve_app.timed_executor import TimedExecutor
from tests.assets.images import image_bytes


class Watched(FakeClassifier):
    """Keeps the frames, too."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frames] = []

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        self.frames.append(frames)
        return await super().classify(model, frames, more_follow=more_follow)


class Backlog(TimedExecutor):
    """One in which ``waiting`` is what a test says."""

    waiting = 0  # type: ignore[assignment] # a property of the class above


@pytest.fixture
def stills() -> Iterator[Backlog]:
    with Backlog(1, "image", "decode", NoMetrics()) as executor:
        yield executor


def scorer(classifier: FakeClassifier, stills: TimedExecutor, **options: bool) -> ImageScorer:
    return ImageScorer(classifier, MediaLimits(), stills, ThreadPoolExecutor(1), **options)


@pytest.mark.parametrize("waiting", [0, 3])
async def test_frames_are_said_to_be_followed_while_images_wait_to_be_decoded(
    stills: Backlog, waiting: int
) -> None:
    classifier = Watched()
    stills.waiting = waiting

    await scorer(classifier, stills).score(image_bytes("jpeg"), FAKE_MODEL)

    (call,) = classifier.calls
    assert call.more_follow == (waiting > 0)


async def test_large_jpegs_are_reduced_only_where_that_is_configured(stills: Backlog) -> None:
    classifier = Watched()
    data = image_bytes("jpeg", (1280, 960))

    for reduces in (False, False, True):
        await scorer(classifier, stills, reduces_jpegs=reduces).score(data, FAKE_MODEL)

    whole, again, reduced = classifier.frames
    np.testing.assert_array_equal(whole, again)
    assert 0 < np.abs(reduced.astype(int) - whole).mean() < 2
