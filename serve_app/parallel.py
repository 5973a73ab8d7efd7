"""The same work on several files of one request, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def in_order(
    work: Callable[[int, T], Awaitable[R]], items: Sequence[T], at_once: int
) -> list[R]:
    """Results of ``work(index, item)`` in the items' order.

    Args:
        work: Called once for every item.
        items: What to work on.
        at_once: Items that are worked on at the same time.

    Raises:
        Exception: What ``work`` raised for the first item that failed, in the items' order; work
            on the other items is cancelled, and over when this returns.
    """
    if len(items) == 1:
        return [await work(0, items[0])]
    slots = asyncio.Semaphore(at_once)

    async def one(index: int, item: T) -> R:
        async with slots:
            return await work(index, item)

    tasks = [asyncio.create_task(one(index, item)) for index, item in enumerate(items)]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
