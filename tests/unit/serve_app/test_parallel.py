from __future__ import annotations

import asyncio

import pytest

from serve_app.parallel import in_order


async def test_results_keep_the_items_order_whatever_finishes_first() -> None:
    finished = [asyncio.Event() for _ in range(3)]

    async def work(index: int, item: str) -> str:
        if index < 2:
            await finished[index + 1].wait()
        finished[index].set()
        return f"{index}{item}"

    assert await in_order(work, ["a", "b", "c"], at_once=3) == ["0a", "1b", "2c"]


@pytest.mark.parametrize("items", [1, 2, 9])
async def test_no_more_items_than_allowed_are_worked_on_at_once(items: int) -> None:
    running = highest = 0

    async def work(index: int, item: int) -> int:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await asyncio.sleep(0)
        running -= 1
        return item

    assert await in_order(work, list(range(items)), at_once=2) == list(range(items))
    assert highest == min(2, items)


async def test_the_first_failing_item_is_raised_and_the_others_are_over() -> None:
    last_failed = asyncio.Event()
    cancelled = []

    async def work(index: int, item: int) -> int:
        if index == 0:
            await last_failed.wait()
            raise ValueError("first")
        if index == 2:
            last_failed.set()
            raise ValueError("last")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(index)
            raise
        return item

    with pytest.raises(ValueError, match="first"):
        await in_order(work, [0, 1, 2], at_once=3)
    assert cancelled == [1]


async def test_cancelling_the_request_cancels_its_files() -> None:
    started = asyncio.Event()
    cancelled = []

    async def work(index: int, item: int) -> int:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(index)
            raise
        return item

    task = asyncio.create_task(in_order(work, [0, 1], at_once=2))
    await started.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [0, 1]
