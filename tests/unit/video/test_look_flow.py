"""What of a video is under way to the model at a time: bounded, and less where looks are few."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.media.limits import MediaLimits
from deployments.types import Frames, Scores
from deployments.video import look_taker
from deployments.video.decoding.pool import DecoderPool
from deployments.video.look_taker import LookTaker
from deployments.video.sampling.policy import Round
from tests.assets.videos import make_video

FRAMES = 600


class Book:
    """Counts looks."""

    has_found = False

    def __init__(self) -> None:
        self.looks = 0

    def classify(self, positions: Sequence[int], scores: Scores) -> None:
        self.looks += len(positions)

    def reuse(self, position: int, source: int) -> None:
        self.looks += 1


class SlowClassifier(FakeClassifier):
    """Answers nothing until so many calls are under way, and some time for more to come.

    Args:
        awaited: Calls.
    """

    def __init__(self, awaited: int) -> None:
        super().__init__()
        self._awaited = awaited
        self._come = asyncio.Event()
        self.sizes: list[int] = []
        self.under_way = 0
        self.most_calls = 0

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        self.sizes.append(len(frames))
        self.under_way += 1
        self.most_calls = max(self.most_calls, self.under_way)
        if self.under_way == self._awaited:
            self._come.set()
        await self._come.wait()
        await asyncio.sleep(0.1)
        self.under_way -= 1
        return await super().classify(model, frames, more_follow=more_follow)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(2, MediaLimits())
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("looks", "chunk", "window"), [(range(FRAMES), 16, 4), (range(0, FRAMES, 6), 8, 3)]
)
async def test_few_looks_travel_in_smaller_chunks_and_fewer_at_a_time(
    pool: DecoderPool, looks: range, chunk: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is, chunks travel when they are full.
    monkeypatch.setattr(look_taker, "CHUNK_SECONDS", 60.0)
    book, classifier = Book(), SlowClassifier(window)
    video = make_video(frames=FRAMES, gop=60, width=64, height=48)
    async with asyncio.timeout(60), pool.open(video) as opened:
        await LookTaker(opened, classifier, FAKE_MODEL, book).take(Round(looks))
    assert book.looks == len(looks)
    assert max(classifier.sizes) == chunk
    assert classifier.most_calls == window
