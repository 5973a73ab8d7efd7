"""Decoding ahead in a thread: order, bound, errors, stopping early."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from deployments.media.decode_ahead import decode_ahead


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def test_items_arrive_in_order(executor: ThreadPoolExecutor) -> None:
    items = [item async for item in decode_ahead(lambda: iter(range(100)), executor, 3)]
    assert items == list(range(100))


async def test_no_more_than_depth_items_exist_unconsumed(executor: ThreadPoolExecutor) -> None:
    made = 0
    consumed = 0
    most = 0

    def produce() -> Iterator[int]:
        nonlocal made, most
        for i in range(50):
            made += 1
            most = max(most, made - consumed)
            yield i

    async with aclosing(decode_ahead(produce, executor, 4)) as items:
        async for _ in items:
            consumed += 1
            await asyncio.sleep(0)
    assert made == 50
    # depth items wait, one is being made, one is in the consumer's hands
    assert most <= 4 + 2


async def test_an_error_arrives_after_the_items_before_it(executor: ThreadPoolExecutor) -> None:
    def produce() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken at 3")

    seen = []

    async def consume() -> None:
        async for item in decode_ahead(produce, executor, 8):
            seen.append(item)

    with pytest.raises(ValueError, match="broken at 3"):
        await consume()
    assert seen == [1, 2]


async def test_stopping_early_closes_the_source_before_it_returns(
    executor: ThreadPoolExecutor,
) -> None:
    closed = threading.Event()

    def produce() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    async with aclosing(decode_ahead(produce, executor, 2)) as items:
        async for item in items:
            if item == 5:
                break
    assert closed.is_set()


async def test_stopping_early_interrupts_a_source_that_is_slow_to_its_next_item(
    executor: ThreadPoolExecutor,
) -> None:
    interrupted = threading.Event()

    def produce() -> Iterator[int]:
        yield 1
        interrupted.wait()

    async with aclosing(decode_ahead(produce, executor, 2, interrupted.set)) as items:
        assert await anext(items) == 1
    assert interrupted.is_set()


async def test_a_source_that_ended_is_not_interrupted(executor: ThreadPoolExecutor) -> None:
    calls: list[int] = []
    source = decode_ahead(lambda: iter(range(3)), executor, 2, lambda: calls.append(1))
    assert [item async for item in source] == [0, 1, 2]
    assert not calls
