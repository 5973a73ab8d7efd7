"""A helping process leaves a long video in the middle of a part, and no look is lost by it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.media.limits import MediaLimits
from deployments.types import Scores
from deployments.verdicts import FirstMatches, LabelQuery
from deployments.video import parts
from deployments.video.decoding.pool import DecoderPool, OpenedVideo
from deployments.video.decoding.process import DecoderProcess
from deployments.video.decoding.reader import Seen
from deployments.video.first_matches_book import FirstMatchesBook
from deployments.video.look_taker import Book, LookTaker
from deployments.video.sampling.decode_plan import DecodePlan, Run
from deployments.video.sampling.policy import Round
from tests.assets.videos import Pixels, make_video

FRAMES, GOP = 600, 200
SEEN_BEFORE = 9
"""Frames that a helper has taken when the other video arrives, in the middle of a group."""
SHORT = make_video(frames=20)


def paint_shots(index: int, height: int, width: int) -> Pixels:
    """A cut every five frames, and no two frames of the same redness."""
    grey = (index // 5) % 3 * 60
    colour = (grey + index % 5 * 3 + index // 15, grey, grey)
    return np.full((height, width, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def long_video() -> bytes:
    return make_video(frames=FRAMES, gop=GOP, b_frames=2, width=64, height=48, paint=paint_shots)


@dataclass(slots=True)
class Read:
    """One job of a process."""

    process: DecoderProcess
    runs: Sequence[Run]
    seen: list[int] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Frames wanted that did not come."""
        return len({i for run in self.runs for i in run.unseen} - set(self.seen))


@dataclass(slots=True)
class Watch:
    """Knows what processes did. After `SEEN_BEFORE` frames a helper is held up until it may go on,
    and the video's own process until a helper is."""

    owner: DecoderProcess | None = None
    """The process that the long video has as its own."""
    reads: list[Read] = field(default_factory=list)
    is_held: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)

    def hold(self, process: DecoderProcess) -> None:
        if process is self.owner:
            self.is_held.wait()
        else:
            self.is_held.set()
            self.may_go_on.wait()

    def let_go(self) -> None:
        self.is_held.set()
        self.may_go_on.set()

    @property
    def helped(self) -> Read | None:
        """The first job of a helper that has been held up."""
        held = (read for read in self.reads if len(read.seen) >= SEEN_BEFORE)
        return next((read for read in held if read.process is not self.owner), None)

    @property
    def is_owner_done(self) -> bool:
        """Whether the video's own process has nothing left to do but what a helper may leave."""
        helped = self.helped
        taken = {i for read in self.reads for i in read.seen}
        held = {i for run in helped.runs for i in run.wanted} if helped is not None else set()
        return helped is not None and taken | held >= set(range(0, FRAMES, 3))


class WatchedProcess(DecoderProcess):
    watch: Watch

    def read(self, runs: Sequence[Run], follow: range | None = None) -> Generator[Seen, None, None]:
        watch, read = self.watch, Read(self, runs)
        watch.reads.append(read)
        with closing(super().read(runs, follow)) as frames:
            for seen in frames:
                read.seen.append(seen.position)
                if len(read.seen) == SEEN_BEFORE:
                    watch.hold(self)
                yield seen


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Parts of one group each, that is longer than a part should be."""
    monkeypatch.setattr(parts, "PART_PACKETS", GOP // 2)
    monkeypatch.setattr(parts, "FOLLOWED_SECONDS", 1.0)
    watch = Watch()
    WatchedProcess.watch = watch
    yield watch
    watch.let_go()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(2, MediaLimits(), spawn=WatchedProcess)
    yield pool
    pool.close()


class Recorder:
    """Implements `Book`: every look once."""

    has_found = False

    def __init__(self) -> None:
        self.scores: dict[int, list[float]] = {}
        self.reused: dict[int, int] = {}

    @property
    def looks(self) -> list[int]:
        return sorted(self.scores.keys() | self.reused.keys())

    def classify(self, positions: Sequence[int], scores: Scores) -> None:
        for position, row in zip(positions, scores.tolist(), strict=True):
            assert position not in self.scores
            self.scores[position] = row

    def reuse(self, position: int, source: int) -> None:
        assert position not in self.reused
        self.reused[position] = source


Ask = Callable[[LookTaker, OpenedVideo], Awaitable[None]]


def every_frame(taker: LookTaker, _: OpenedVideo) -> Awaitable[None]:
    return taker.take(Round(range(FRAMES)))


def sparse(taker: LookTaker, _: OpenedVideo) -> Awaitable[None]:
    return taker.take(Round(range(0, FRAMES, 3)))


def held(taker: LookTaker, _: OpenedVideo) -> Awaitable[None]:
    return taker.take(Round(range(0, FRAMES, 3), held=range(1, FRAMES, 3)))


def followed(taker: LookTaker, _: OpenedVideo) -> Awaitable[None]:
    return taker.take(Round(range(0, FRAMES, 3)), range(FRAMES))


def whole(taker: LookTaker, video: OpenedVideo) -> Awaitable[None]:
    return taker.take_plan(DecodePlan.whole(video.table, 3))


async def take(pool: DecoderPool, data: bytes, ask: Ask, book: Book, watch: Watch) -> int:
    """All looks that are asked for; how many frames were decoded for them."""
    async with pool.open(data) as video:
        watch.owner = video.reader
        await ask(LookTaker(video, FakeClassifier(), FAKE_MODEL, book), video)
        return video.decoded


async def open_and_leave(pool: DecoderPool) -> DecoderProcess:
    async with pool.open(SHORT) as video:
        return video.reader


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is another thread's
            await asyncio.sleep(0.005)


async def disturbed(
    pool: DecoderPool, data: bytes, ask: Ask, book: Book, watch: Watch, *, late: bool = False
) -> int:
    """As `take`, while another video arrives in the middle of a helper's part.

    Args:
        late: It arrives when the long video's own process has nothing left to do.
    """
    long = asyncio.create_task(take(pool, data, ask, book, watch))
    await until(lambda: watch.is_owner_done if late else watch.helped is not None)
    short = asyncio.create_task(open_and_leave(pool))
    await until(lambda: pool.is_contested)
    watch.let_go()
    helped = watch.helped
    assert helped is not None
    assert await short is helped.process
    assert helped.left > GOP // 10
    return await long


@pytest.mark.parametrize("late", [False, True], ids=["busy", "done"])
@pytest.mark.parametrize("ask", [every_frame, sparse, held, followed, whole])
async def test_a_helper_goes_to_a_video_that_waits_and_no_look_is_lost_or_taken_twice(
    pool: DecoderPool, watch: Watch, long_video: bytes, ask: Ask, late: bool
) -> None:
    book, alone = Recorder(), Recorder()
    decoded = await disturbed(pool, long_video, ask, book, watch, late=late)
    resumed = [run for read in watch.reads for run in read.runs if run.after >= 0]
    assert resumed  # in the middle of a group
    undisturbed = await take(pool, long_video, ask, alone, watch)
    assert book.looks == alone.looks
    assert all(alone.scores.get(i, row) == row for i, row in book.scores.items())
    assert decoded == undisturbed  # an answer does not tell what else was going on
    assert len(alone.looks) >= FRAMES // 3


async def test_the_first_frame_of_a_label_is_that_of_an_undisturbed_run(
    pool: DecoderPool, watch: Watch, long_video: bytes
) -> None:
    async def findings(run: Callable[..., Awaitable[int]]) -> list:
        match = FirstMatches(FAKE_MODEL, LabelQuery(FAKE_MODEL.name, None, 0.1))
        await run(pool, long_video, whole, FirstMatchesBook(match, 3), watch)
        return match.findings

    found = await findings(disturbed)
    assert len(found) == 1
    assert found == await findings(take)


async def test_helpers_that_leave_again_and_again_cost_no_look(
    pool: DecoderPool, watch: Watch, long_video: bytes
) -> None:
    watch.let_go()
    book, alone = Recorder(), Recorder()
    long = asyncio.create_task(take(pool, long_video, every_frame, book, watch))
    while not long.done():
        await open_and_leave(pool)
    assert await long == await take(pool, long_video, every_frame, alone, watch)
    assert book.scores == alone.scores
