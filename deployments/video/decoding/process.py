"""The parent's end of a decoder process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from deployments.errors import (
    CorruptMediaError,
    MediaError,
    MediaTooLargeError,
    ServiceError,
    UnsupportedMediaError,
)
from deployments.media.limits import MediaLimits
from deployments.types import VideoFacts
from deployments.video.decoding import wire
from deployments.video.decoding.jobs import READ_ALL, read_message
from deployments.video.decoding.limits import DecoderLimits
from deployments.video.decoding.reader import Seen
from deployments.video.decoding.scanned import ScannedVideo
from deployments.video.decoding.slots import FrameSlots
from deployments.video.decoding.wire import Message
from deployments.video.sampling.decode_plan import Run
from deployments.video.sampling.frame_table import FrameTable

logger = logging.getLogger(__name__)

WORKER = "deployments.video.decoding.worker"
_ROOT = str(Path(__file__).parents[3])
"""Where the packages lie, which need not be installed."""
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    # Without these glibc gives the memory of every RGB picture back and faults it in anew for the
    # next one, which halves the speed of the conversion. 32 MiB is the highest threshold it takes.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
    "MALLOC_ARENA_MAX": "2",
}
"""All that the process gets of an environment: no token, no key."""
_START_SECONDS = 120.0
_PATIENCE_SECONDS = 0.5
"""What a decoder has to stop at a frame's end, when asked to, before it is killed."""

_ERRORS: dict[str, type[MediaError]] = {
    kind.__name__: kind for kind in (CorruptMediaError, MediaTooLargeError, UnsupportedMediaError)
}


class DecoderProcess:
    """Implements `VideoReader` over a child process.

    Args:
        media: What a video may cost.
        limits: What the process may use.
        module: What it runs.
    """

    def __init__(self, media: MediaLimits, limits: DecoderLimits, module: str = WORKER) -> None:
        self._media = media
        self._limits = limits
        self._connection, theirs = socket.socketpair()
        with theirs:
            paths = os.pathsep.join([_ROOT, *filter(None, sys.path)])
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**_ENVIRONMENT, "PYTHONPATH": paths},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._is_ready = False
        self._sending = threading.Lock()
        self._slots: FrameSlots | None = None
        self._scanned: ScannedVideo | None = None
        self._table: FrameTable | None = None
        self._decoded = 0
        self.can_be_entered = True
        """False once a keyframe turned out to be no place to begin decoding at."""
        self._generation = 0
        self._job_number = 0
        self._is_busy = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be given another video."""
        return self._process.poll() is None

    @property
    def scanned(self) -> ScannedVideo:
        """What the open video's scan found."""
        assert self._scanned is not None, "no video is open"  # noqa: S101
        return self._scanned

    @property
    def facts(self) -> VideoFacts:
        """See `VideoReader.facts`."""
        return self.scanned.facts

    @property
    def table(self) -> FrameTable:
        """See `VideoReader.table`."""
        assert self._table is not None, "no video is open"  # noqa: S101
        return self._table

    @property
    def decoded(self) -> int:
        """See `VideoReader.decoded`."""
        return self._decoded

    def open(self, descriptor: int, scanned: ScannedVideo | None = None) -> None:
        """Open a video; it blocks until the file has been scanned.

        Args:
            descriptor: Sealed memory with the file's bytes; it stays the caller's.
            scanned: What another process found in the same file; None: scan it.

        Raises:
            MediaError: See `open_video`.
            ServiceError: The process does not start.
        """
        self._wait_until_ready()
        ask = scanned.message("open") if scanned is not None else Message("open")
        limits = {
            "max_video_bytes": self._media.max_video_bytes,
            "max_pixels": self._media.max_pixels,
            "max_video_frames": self._media.max_video_frames,
            "max_video_seconds": self._media.max_video_seconds,
            "memory_bytes": self._limits.memory_bytes,
            "cpu_seconds": self._limits.cpu_seconds,
        }
        self._decoded = 0
        self._table = None
        self.can_be_entered = True
        self._tell(Message("open", {**ask.values, **limits}, ask.arrays, (descriptor,)))
        answer = self._hear()
        try:
            scanned = scanned or ScannedVideo.from_message(answer)
            self._table = scanned.table()
        except (wire.ConnectionLostError, ValueError, IndexError) as error:
            raise self._broken() from error
        self._scanned = scanned

    def close_video(self) -> None:
        """Forget the video; the process is ready for another one. Only where no job is left."""
        self._drop_slots()
        was_open = self._scanned is not None
        self._scanned = self._table = None
        if was_open and self.is_alive:
            try:
                self._tell(Message("close"))
            except MediaError:
                self.kill()

    def read(self, runs: Sequence[Run], follow: range | None = None) -> Generator[Seen, None, None]:
        """See `VideoReader.read`."""
        return self._job(read_message(runs, follow))

    def read_all(self, stride: int) -> Generator[Seen, None, None]:
        """See `VideoReader.read_all`."""
        return self._job(Message(READ_ALL, {"stride": stride}))

    def interrupt(self) -> None:
        """Make the job that runs in another thread end soon; from the event loop."""
        try:
            self._tell(Message("cancel"))
        except MediaError:
            return
        job = self._job_number
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._kill_within, job)

    def kill(self) -> None:
        """End the process at once, whatever it does; from any thread."""
        self._is_busy = False
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and forget it."""
        self.kill()
        self._drop_slots()
        self._connection.close()

    def _job(self, message: Message) -> Generator[Seen, None, None]:
        self._job_number += 1
        self._is_busy = True
        try:
            self._tell(message)
            while (answer := self._hear()).kind != "done":
                if answer.kind == "slots":
                    self._take_slots(answer)
                elif answer.kind in ("seen", "same"):
                    yield from self._seen(answer)
            self._decoded = answer.integer("decoded")
            self.can_be_entered = bool(answer.values.get("can_be_entered"))
            self._is_busy = False
        except (wire.ConnectionLostError, ValueError, OSError) as error:
            raise self._broken() from error
        finally:
            if self._is_busy:
                self._call_off()

    def _seen(self, message: Message) -> Iterator[Seen]:
        self._decoded = message.integer("decoded")
        position, seconds = message.integer("position"), message.number("seconds")
        if message.kind == "same":
            yield Seen(position, message.integer("source"), seconds, None)
            return
        if self._slots is None:
            raise ValueError("a frame came before the memory that it lies in")
        slot = message.integer("slot")
        pixels = self._slots.frame(slot, message.integer("height"), message.integer("width"))
        yield Seen(position, position, seconds, pixels)
        self._tell(Message("release", {"slot": slot, "generation": self._generation}))

    def _take_slots(self, message: Message) -> None:
        self._drop_slots()
        (descriptor,) = message.descriptors
        self._slots = FrameSlots.received(
            descriptor, message.integer("count"), message.integer("slot_bytes")
        )
        self._generation = message.integer("generation")

    def _drop_slots(self) -> None:
        if self._slots is not None:
            self._slots.close()
            self._slots = None

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        self._connection.settimeout(_START_SECONDS)
        try:
            wire.receive(self._connection)
        except (wire.ConnectionLostError, TimeoutError) as error:
            self.kill()
            raise ServiceError(
                "A video decoder could not be started; the operator's logs say why."
            ) from error
        self._is_ready = True
        self._connection.settimeout(self._limits.stall_seconds)

    def _tell(self, message: Message) -> None:
        try:
            with self._sending:
                wire.send(self._connection, message)
        except (wire.ConnectionLostError, TimeoutError) as error:
            raise self._broken() from error

    def _hear(self) -> Message:
        """The next message that is no failure."""
        try:
            message = wire.receive(self._connection)
        except TimeoutError as error:
            self.kill()
            logger.warning("a video decoder came to a standstill and was killed")
            raise CorruptMediaError(
                "The video cannot be decoded: its decoder came to a standstill."
            ) from error
        except wire.ConnectionLostError as error:
            raise self._broken() from error
        if message.kind == "failed":
            self._is_busy = False
            raise _failure(message)
        return message

    def _call_off(self) -> None:
        """Have a job end that nobody wants any more; kill the process if it does not."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            self._tell(Message("cancel"))
            while (left := deadline - time.monotonic()) > 0:
                self._connection.settimeout(left)
                message = wire.receive(self._connection)
                if message.kind == "slots":
                    self._take_slots(message)
                if message.kind in ("done", "failed"):
                    return
            self.kill()
        except (MediaError, wire.ConnectionLostError, TimeoutError, ValueError, OSError):
            self.kill()
        finally:
            self._is_busy = False
            self._connection.settimeout(self._limits.stall_seconds)

    def _kill_within(self, job: int) -> None:
        if self._is_busy and self._job_number == job:
            self.kill()

    def _broken(self) -> CorruptMediaError:
        """The process is gone, or has lost its mind: what the video did to it."""
        self.kill()
        code = self._process.returncode
        logger.warning("a video decoder ended with code %s", code)
        if code == -signal.SIGXCPU:
            return CorruptMediaError("The video cannot be decoded: it takes too much time.")
        return CorruptMediaError("The video cannot be decoded: its decoder broke off.")


def _failure(message: Message) -> MediaError:
    kind, detail = str(message.values.get("kind")), str(message.values.get("detail"))
    if kind in _ERRORS:
        return _ERRORS[kind](detail)
    if kind == "MemoryError":
        return MediaTooLargeError("The video needs more memory than there is to decode it.")
    logger.error("a video decoder failed unexpectedly: %s", detail)
    return CorruptMediaError("The video is damaged and cannot be decoded.")
