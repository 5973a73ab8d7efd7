"""Decoding in a thread, a bounded number of items ahead of the event loop that consumes them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Value(Generic[T]):
    item: T


async def decode_ahead(
    produce: Callable[[], Iterator[T]],
    executor: Executor,
    depth: int,
    interrupt: Callable[[], None] | None = None,
) -> AsyncGenerator[T, None]:
    """Iterate over ``produce()`` as it runs in a thread, at most ``depth`` items ahead.

    Close it (``contextlib.aclosing``) to stop early: it returns once the thread has left
    ``produce``, so that the buffers it reads may be freed.

    Args:
        produce: Called in the thread; its iterator is drawn and closed there too.
        executor: Gives the thread.
        depth: Items that may exist without having been consumed.
        interrupt: Called when it is closed early: makes ``produce`` come to its end soon, however
            long its next item takes.

    Raises:
        BaseException: Whatever ``produce`` raised, after all items before it.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[_Value[T] | _End] = asyncio.Queue()
    room = threading.Semaphore(depth)
    stopped = threading.Event()

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in produce():
                room.acquire()
                if stopped.is_set():
                    break
                loop.call_soon_threadsafe(ready.put_nowait, _Value(item))
        except BaseException as raised:  # noqa: BLE001 - raised again at the consumer
            error = raised
        loop.call_soon_threadsafe(ready.put_nowait, _End(error))

    thread = loop.run_in_executor(executor, run)
    ended = False
    try:
        while isinstance(entry := await ready.get(), _Value):
            room.release()
            yield entry.item
        ended = True
        if entry.error is not None:
            raise entry.error
    finally:
        stopped.set()
        room.release()
        if interrupt is not None and not ended:
            interrupt()
        await asyncio.shield(thread)
