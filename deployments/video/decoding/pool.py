"""Decoder processes kept warm, lent to videos."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from deployments.media.limits import MediaLimits
from deployments.types import Buffer, VideoFacts
from deployments.video.decoding.limits import DecoderLimits
from deployments.video.decoding.process import DecoderProcess
from deployments.video.decoding.scanned import ScannedVideo
from deployments.video.sampling.frame_table import FrameTable

Result = TypeVar("Result")
Spawn = Callable[[MediaLimits, DecoderLimits], DecoderProcess]


class PoolObserver(Protocol):
    """Told what an operator wants to know of a pool."""

    def replaced(self) -> None:
        """A process broke or was killed, and another one takes its place."""
        ...

    def closed(self, decoded: int) -> None:
        """A video was closed, of which so many frames were decoded."""
        ...


class _Unobserved:
    def replaced(self) -> None:
        pass

    def closed(self, decoded: int) -> None:
        pass


_COPY_BYTES = 2**24
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


class DecoderPool:
    """A number of decoder processes. Each decodes one video, or a part of one, at a time.

    Every video has one process; those that nobody waits for help it, and are recalled, one for each
    video that begins to wait. A process that broke, or had to be killed, is replaced.

    Args:
        processes: How many; at least as many as videos are to be open at a time.
        media: What a video may cost.
        limits: What a process may use.
        spawn: Starts a process.
        observer: Told of replaced processes and closed videos.
    """

    def __init__(
        self,
        processes: int,
        media: MediaLimits,
        limits: DecoderLimits | None = None,
        spawn: Spawn = DecoderProcess,
        observer: PoolObserver | None = None,
    ) -> None:
        self.processes = processes
        self._media = media
        self._limits = limits or DecoderLimits()
        self._spawn = spawn
        self._observer = observer or _Unobserved()
        self._idle = deque(self._start() for _ in range(processes))
        self._waiting: deque[asyncio.Future[DecoderProcess]] = deque()
        self._helpers: list[DecoderProcess] = []
        self.executor = ThreadPoolExecutor(max_workers=2 * processes, thread_name_prefix="video")
        """Threads that wait for the processes, and fit what comes from them."""

    @property
    def has_idle(self) -> bool:
        """Whether a process is free."""
        return bool(self._idle)

    @property
    def is_contested(self) -> bool:
        """Whether a video waits for a process."""
        return bool(self._waiting)

    def close(self) -> None:
        """End all idle processes. Only where no video is open."""
        while self._idle:
            self._idle.pop().close()
        self.executor.shutdown()

    @asynccontextmanager
    async def open(self, data: Buffer) -> AsyncIterator[OpenedVideo]:
        """Open a video, once a process is free.

        Args:
            data: The whole file. It is copied into memory that all processes share.

        Raises:
            MediaError: See `deployments.media.video.open_video`.
            ServiceError: No process can be started.
        """
        async with self._lent(await self._take()) as process:
            descriptor = await self._shared(data)
            try:
                await self._open(process, descriptor, None)
                video = OpenedVideo(self, process, descriptor)
                try:
                    yield video
                finally:
                    self._observer.closed(video.decoded)
            finally:
                os.close(descriptor)

    @asynccontextmanager
    async def help(
        self, descriptor: int, scanned: ScannedVideo
    ) -> AsyncIterator[DecoderProcess | None]:
        """A further process for an open video; None where none is idle.

        It is to be left soon once it is recalled (`DecoderProcess.is_recalled`).
        """
        process = self._take_idle()
        if process is None:
            yield None
            return
        async with self._lent(process):
            self._helpers.append(process)
            try:
                await self._open(process, descriptor, scanned)
                yield process
            finally:
                self._helpers.remove(process)

    async def _open(
        self, process: DecoderProcess, descriptor: int, scanned: ScannedVideo | None
    ) -> None:
        opening = self._in_thread(lambda: process.open(descriptor, scanned))
        task = asyncio.ensure_future(opening)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            process.kill()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # of the kill
            raise

    @asynccontextmanager
    async def _lent(self, process: DecoderProcess) -> AsyncIterator[DecoderProcess]:
        try:
            yield process
        finally:
            process.close_video()
            self._give_back(process)

    async def _take(self) -> DecoderProcess:
        process = self._take_idle()
        if process is not None:
            return process
        turn: asyncio.Future[DecoderProcess] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._recall_helper()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(turn.result())
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _recall_helper(self) -> None:
        """Ask for a process back, unless enough of them are coming."""
        staying = [helper for helper in self._helpers if not helper.is_recalled]
        if staying and len(self._helpers) - len(staying) < len(self._waiting):
            staying[-1].recall()

    def _take_idle(self) -> DecoderProcess | None:
        if not self._idle:
            return None
        process = self._idle.popleft()
        return process if process.is_alive else self._replacement(process)

    def _give_back(self, process: DecoderProcess) -> None:
        if not process.is_alive:
            process = self._replacement(process)
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(process)
                return
        self._idle.append(process)

    def _replacement(self, process: DecoderProcess) -> DecoderProcess:
        process.close()
        self._observer.replaced()
        return self._start()

    def _start(self) -> DecoderProcess:
        return self._spawn(self._media, self._limits)

    async def _shared(self, data: Buffer) -> int:
        copying = asyncio.ensure_future(self._in_thread(lambda: _sealed_copy(data)))
        try:
            return await asyncio.shield(copying)
        except asyncio.CancelledError:
            os.close(await copying)
            raise

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


class OpenedVideo:
    """One open video and its processes. Made by `DecoderPool.open`.

    Args:
        pool: Lends further processes.
        reader: The video's own process.
        descriptor: The file's bytes in shared memory.
    """

    def __init__(self, pool: DecoderPool, reader: DecoderProcess, descriptor: int) -> None:
        self._pool = pool
        self._descriptor = descriptor
        self._decoded_by_helpers = 0
        self.reader = reader
        """The video's own process."""
        self.executor = pool.executor
        """Threads to draw frames in."""

    @property
    def facts(self) -> VideoFacts:
        """What the video is."""
        return self.reader.facts

    @property
    def table(self) -> FrameTable:
        """The video's frames."""
        return self.reader.table

    @property
    def decoded(self) -> int:
        """Frames that were decoded so far, but for those of helpers at work; each counts once."""
        return self.reader.decoded + self._decoded_by_helpers

    @property
    def processes(self) -> int:
        """How many processes there are, for all videos."""
        return self._pool.processes

    @property
    def has_idle_process(self) -> bool:
        """Whether there might be a helper."""
        return self._pool.has_idle

    def discount(self, frames: int) -> None:
        """Frames that a helper has decoded but another process decodes again count once: otherwise
        an answer would tell how busy the service was.
        """
        self._decoded_by_helpers -= max(0, frames)

    @asynccontextmanager
    async def helper(self) -> AsyncIterator[DecoderProcess | None]:
        """A further process with this video open, as `DecoderPool.help` lends it."""
        async with self._pool.help(self._descriptor, self.reader.scanned) as process:
            try:
                yield process
            finally:
                if process is not None:
                    self._decoded_by_helpers += process.decoded


def _sealed_copy(data: Buffer) -> int:
    """Shared memory with a file's bytes that nobody can change any more."""
    descriptor = os.memfd_create("video", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with memoryview(data).cast("B") as view:
        at = 0
        while at < len(view):
            at += os.write(descriptor, view[at : at + _COPY_BYTES])
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor
