"""A decoder's own process: ``python -m deployments.video.decoding.worker <descriptor>``.

It imports neither torch nor Ray, so it starts in a fraction of a second and stays small. It gets
the file's bytes as sealed memory, may open no file while it decodes, and ends with its parent.

    parent ── open, read, read all, release, cancel, close ──▶ worker
    parent ◀── ready, opened, slots, seen, same, alive, done, failed ── worker
"""

from __future__ import annotations

import importlib
import mmap
import os
import pkgutil
import queue
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import av
import cv2

from deployments.errors import MediaError
from deployments.media.limits import MediaLimits
from deployments.media.video import OpenVideo, open_video
from deployments.process_memory import return_freed_memory
from deployments.video.decoding import wire
from deployments.video.decoding.failures import NO_MEMORY
from deployments.video.decoding.jobs import READ, READ_ALL, runs_of
from deployments.video.decoding.limits import (
    DecoderLimits,
    dump_no_core,
    no_files,
    relax,
    restrict,
)
from deployments.video.decoding.local import LocalReader
from deployments.video.decoding.outlet import FrameOutlet
from deployments.video.decoding.reader import Seen
from deployments.video.decoding.scanned import ScannedVideo
from deployments.video.decoding.wire import Message

_SIGN_OF_LIFE_SECONDS = 1.0


class Worker:
    """Serves one parent, one video at a time.

    Args:
        connection: To the parent.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._frames = FrameOutlet(self._tell, self._cancelled)
        self._told = time.monotonic()
        self._opening_bytes = 0
        """Size of the open video's file until its first frame is decoded."""

    def run(self) -> None:
        """Work until the parent goes away, which ends the process."""
        threading.Thread(target=self._listen, daemon=True).start()
        self._tell(Message("ready"))
        while True:
            self._answer(self._open, self._jobs.get())

    def _listen(self) -> None:
        """Takes in what the parent says, also while the main thread decodes."""
        try:
            while True:
                message = wire.receive(self._connection)
                match message.kind:
                    case "release":
                        self._frames.released(message)
                    case "cancel":
                        self._cancelled.set()
                    case _:
                        self._cancelled.clear()
                        self._jobs.put(message)
        except wire.ConnectionLostError:
            os._exit(0)

    def _open(self, message: Message) -> None:
        """One video, from its opening to its closing."""
        limits = MediaLimits(
            max_video_bytes=message.integer("max_video_bytes"),
            max_pixels=message.integer("max_pixels"),
            max_video_frames=message.integer("max_video_frames"),
            max_video_seconds=message.number("max_video_seconds"),
        )
        with ExitStack() as cleanup:
            file = _mapped(message)
            cleanup.callback(self._frames.drop)
            restrict(
                DecoderLimits(
                    memory_bytes=message.integer("memory_bytes"),
                    cpu_seconds=message.number("cpu_seconds"),
                )
            )
            cleanup.callback(relax)
            if "times" in message.arrays:
                known = ScannedVideo.from_message(message)
                video = OpenVideo(file, limits, 1, known.index, known.times, known.facts)
                answer = Message("opened")
            else:
                with no_files():
                    video = open_video(file, limits)
                answer = ScannedVideo.of(video).message("opened")
            # Told where files can be opened again: the next message may bring one.
            self._tell(answer)
            with video, LocalReader(video, limits) as reader:
                self._opening_bytes = len(file)
                while (job := self._jobs.get()).kind != "close":
                    self._answer(lambda job: self._decode(reader, job), job)

    def _decode(self, reader: LocalReader, job: Message) -> None:
        self._frames.free_all()
        with no_files():
            for seen in _steps(reader, job):
                if self._cancelled.is_set():
                    break
                if self._opening_bytes:
                    # While packets are listed and an index is read, they take several times the
                    # memory that they take for good.
                    return_freed_memory(self._opening_bytes)
                    self._opening_bytes = 0
                if seen is not None:
                    self._show(seen, reader.decoded)
                elif time.monotonic() - self._told > _SIGN_OF_LIFE_SECONDS:
                    self._tell(Message("alive"))
        done = {"decoded": reader.decoded, "can_be_entered": reader.can_be_entered}
        self._tell(Message("done", done))

    def _show(self, seen: Seen, decoded: int) -> None:
        where = {"position": seen.position, "seconds": seen.seconds, "decoded": decoded}
        if seen.pixels is None:
            self._tell(Message("same", {**where, "source": seen.source}))
            return
        slot = self._frames.put(seen.pixels)
        if slot is not None:
            height, width = seen.pixels.shape[:2]
            self._tell(Message("seen", {**where, "slot": slot, "height": height, "width": width}))

    def _answer(self, work: Callable[[Message], None], message: Message) -> None:
        """Do what a message asks; tell what went wrong."""
        try:
            work(message)
        except MediaError as error:
            self._fail(type(error).__name__, error.detail)
        except MemoryError:
            self._fail(NO_MEMORY, "")
        except wire.ConnectionLostError:
            raise
        except Exception:  # noqa: BLE001 - the parent logs it
            self._fail("", traceback.format_exc(limit=-8))

    def _fail(self, kind: str, detail: str) -> None:
        self._tell(Message("failed", {"kind": kind, "detail": detail}))

    def _tell(self, message: Message) -> None:
        self._told = time.monotonic()
        wire.send(self._connection, message)


def _mapped(message: Message) -> memoryview:
    """The file that came with a message, in shared memory."""
    (descriptor,) = message.descriptors
    try:
        if not os.fstat(descriptor).st_size:  # which cannot be mapped
            return memoryview(b"")
        return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)


def _steps(reader: LocalReader, job: Message) -> Iterator[Seen | None]:
    if job.kind == READ:
        return reader.steps(*runs_of(job))
    if job.kind == READ_ALL:
        return reader.all_steps(job.integer("stride"))
    raise wire.ConnectionLostError(f"there is no job {job.kind!r}")


def import_what_is_imported_late() -> None:
    """PyAV and NumPy import some modules when they first need them, where no file can be opened."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module("numpy.ma")


def main() -> None:
    """Serve the parent at the other end of the socket whose descriptor is the first argument."""
    dump_no_core()
    import_what_is_imported_late()
    cv2.setNumThreads(1)
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        Worker(connection).run()


if __name__ == "__main__":
    main()
