"""The parent's end of a decoder process."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress

from deployments.errors import MediaError, ServiceError
from deployments.media.limits import MediaLimits
from deployments.types import VideoFacts
from deployments.video.decoding import child, failures, wire
from deployments.video.decoding.inlet import FrameInlet
from deployments.video.decoding.jobs import READ_ALL, read_message
from deployments.video.decoding.limits import DecoderLimits
from deployments.video.decoding.pulse import OverworkedError, Pulse, StandstillError
from deployments.video.decoding.reader import Seen
from deployments.video.decoding.scanned import ScannedVideo
from deployments.video.decoding.wire import Message
from deployments.video.sampling.decode_plan import Run
from deployments.video.sampling.frame_table import FrameTable

_START_SECONDS = 120.0
_PATIENCE_SECONDS = 0.5
"""What a decoder has to stop at a frame's end, when asked to, before it is killed."""


class DecoderProcess:
    """Implements `VideoReader` over a child process.

    Args:
        media: What a video may cost.
        limits: What the process may use.
        module: What it runs.
    """

    def __init__(
        self, media: MediaLimits, limits: DecoderLimits, module: str = child.WORKER
    ) -> None:
        self._media = media
        self._limits = limits
        self._process, self._connection = child.start(module)
        self._pulse = Pulse(self._process.pid, self._connection, limits.stall_seconds)
        self._is_ready = False
        self._sending = threading.Lock()
        self._frames = FrameInlet()
        self._scanned: ScannedVideo | None = None
        self._table: FrameTable | None = None
        self._decoded = 0
        self.can_be_entered = True
        """False once a keyframe turned out to be no place to begin decoding at."""
        self._job_number = 0
        self._is_busy = False
        self._is_recalled = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be given another video."""
        return self._process.poll() is None

    @property
    def is_recalled(self) -> bool:
        """Whether it is wanted elsewhere, so that its jobs may have ended early."""
        return self._is_recalled

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
        answer = self._hear(self._limits.opening_seconds(os.fstat(descriptor).st_size))
        try:
            scanned = scanned or ScannedVideo.from_message(answer)
            self._table = scanned.table()
        except (wire.ConnectionLostError, ValueError, IndexError) as error:
            raise self._broken() from error
        self._scanned = scanned

    def close_video(self) -> None:
        """Forget the video; the process is ready for another one. Only where no job is left."""
        self._frames.drop()
        was_open = self._scanned is not None
        self._scanned = self._table = None
        self._is_recalled = False
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

    def recall(self) -> None:
        """Until the video is closed, have jobs end after the frame at hand, and without an error:
        the one that runs in another thread, and those to come. What was decoded by then still
        comes, and a frame may take its time, unlike with `interrupt`.
        """
        self._is_recalled = True
        if self._is_busy:  # else the next job sees it
            with suppress(MediaError):  # which the job raises as well
                self._tell(Message("cancel"))

    def kill(self) -> None:
        """End the process at once, whatever it does; from any thread."""
        self._is_busy = False
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and forget it."""
        self.kill()
        self._frames.drop()
        self._connection.close()

    def _job(self, message: Message) -> Generator[Seen, None, None]:
        self._job_number += 1
        self._is_busy = True
        try:
            self._tell(message)
            if self._is_recalled:  # asked again: a job forgets what was asked before it
                self._tell(Message("cancel"))
            while (answer := self._hear()).kind != "done":
                if answer.kind == "slots":
                    self._frames.take(answer)
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
        yield Seen(position, position, seconds, self._frames.frame(message))
        self._tell(self._frames.release(message))

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

    def _hear(self, busy_seconds: float | None = None) -> Message:
        """The next message that is no failure.

        Args:
            busy_seconds: Processor time that it may take; None: that of one frame.
        """
        try:
            self._pulse.wait(self._limits.busy_seconds if busy_seconds is None else busy_seconds)
            message = wire.receive(self._connection)
        except (StandstillError, TimeoutError) as error:
            self.kill()
            raise failures.stood_still() from error
        except OverworkedError as error:
            self.kill()
            raise failures.overworked() from error
        except wire.ConnectionLostError as error:
            raise self._broken() from error
        if message.kind == "failed":
            self._is_busy = False
            raise failures.told(message)
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
                    self._frames.take(message)
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

    def _broken(self) -> MediaError:
        self.kill()
        return failures.ended(self._process.returncode)
