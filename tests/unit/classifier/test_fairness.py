"""Videos with windows full of frames and single images share one model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np

from deployments.classifier.batcher import Batcher
from deployments.classifier.fake import FAKE_MODEL
from deployments.classifier.frame_queue import FrameQueue, Item
from deployments.classifier.replica import ModelReplica
from deployments.types import Frames, ModelInfo, Scores

CHUNK, WINDOW, BATCH = 16, 4, 32
IMAGE = 200
"""Value of an image's pixels; a video's are its number."""


def frames_of(value: int, count: int) -> Frames:
    return np.full((count, 2, 2, 3), value, np.uint8)


class Model:
    """Records the batches; its score is the frame's value."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[Frames]) -> Scores:
        values = np.concatenate(items)[:, 0, 0, 0]
        self.batches.append(values.tolist())
        return values.astype(np.float32)[:, None]


@asynccontextmanager
async def videos(batcher: Batcher, count: int) -> AsyncIterator[None]:
    """Videos without end, each with its window full of chunks."""

    async def window(number: int) -> None:
        while True:
            scores = await batcher.submit(frames_of(number, CHUNK))
            assert scores[0, 0] == number

    tasks = [asyncio.create_task(window(i)) for i in range(count) for _ in range(WINDOW)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def make() -> tuple[Batcher, Model]:
    model = Model()
    return Batcher(model, max_batch_size=BATCH, max_queued_frames=10_000), model


async def test_an_image_waits_for_the_running_batch_and_not_for_the_videos_windows() -> None:
    batcher, model = make()
    async with videos(batcher, 2):
        for _ in range(20):
            before = len(model.batches)
            await batcher.submit(frames_of(IMAGE, 1))
            batch = next(i for i, b in enumerate(model.batches[before:]) if IMAGE in b)
            # The one that runs when it comes, perhaps the next one as it is being formed; its own.
            assert batch <= 2


async def test_videos_get_equal_shares() -> None:
    batcher, model = make()
    async with videos(batcher, 3):
        while len(model.batches) < 60:  # noqa: ASYNC110 - batches run in threads, and tell no one
            await asyncio.sleep(0)
    served = [sum(batch.count(i) for batch in model.batches[:60]) for i in range(3)]
    assert max(served) - min(served) <= WINDOW * CHUNK


async def test_a_flood_of_images_does_not_starve_a_video() -> None:
    batcher, model = make()

    async def images() -> None:
        while True:
            await batcher.submit(frames_of(IMAGE, 1))

    flood = [asyncio.create_task(images()) for _ in range(100)]
    try:
        async with videos(batcher, 1):
            while sum(batch.count(0) for batch in model.batches) < 10 * CHUNK:
                assert len(model.batches) < 200
                await asyncio.sleep(0)
    finally:
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)


async def test_equals_are_served_in_the_order_in_which_they_came() -> None:
    queue = FrameQueue(max_item_frames=BATCH, max_queued_frames=1000, wake=lambda: None)
    tasks = [asyncio.create_task(queue.submit(frames_of(i, 8))) for i in range(10)]
    await asyncio.sleep(0)
    taken: list[Item] = []
    while queue:
        taken += queue.take(BATCH)
    assert [int(item.frames[0, 0, 0, 0]) for item in taken] == list(range(10))
    for item in taken:
        item.answer(np.zeros((8, 1), np.float32))
    await asyncio.gather(*tasks)


class LoadedModel:
    """Gains nothing from more than five frames at a time."""

    info: ModelInfo = replace(FAKE_MODEL, max_batch_size=8, worthwhile_batch_size=5)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def scores(self, items: Sequence[Frames]) -> Scores:
        count = sum(map(len, items))
        self.batches.append(count)
        return np.zeros((count, len(self.info.labels)), np.float32)


async def test_an_image_never_waits_for_more_frames_than_a_batch_is_worth() -> None:
    model = LoadedModel()
    replica = ModelReplica(model, max_queued_frames=100)
    results = await replica.classify([frames_of(1, 8), frames_of(2, 3), frames_of(3, 1)])
    assert [len(scores) for scores in results if isinstance(scores, np.ndarray)] == [8, 3, 1]
    assert max(model.batches) == 5
