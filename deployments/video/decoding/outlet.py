"""The child's end of the frames' way: into shared memory, as slots become free."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import numpy as np

from deployments.types import Frame
from deployments.video.decoding.limits import some_files
from deployments.video.decoding.slots import FrameSlots
from deployments.video.decoding.wire import Message

_LOOK_SECONDS = 0.25
"""Time after which a wait for a slot notices that it was cancelled."""


class FrameOutlet:
    """Puts frames where the parent sees them. Slots are made by the first frame's size.

    Args:
        tell: Sends a message to the parent.
        cancelled: Set where nobody wants the frames any more.
    """

    def __init__(self, tell: Callable[[Message], None], cancelled: threading.Event) -> None:
        self._tell = tell
        self._cancelled = cancelled
        self._free: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._slots: FrameSlots | None = None
        self._generation = 0
        """Of the slots: what is released may be one of those before."""

    def put(self, pixels: Frame) -> int | None:
        """Wait for a free slot and copy the frame there.

        Returns:
            The slot; None when cancelled.
        """
        if self._slots is None or pixels.nbytes > self._slots.slot_bytes:
            self._make(pixels.nbytes)
        assert self._slots is not None  # noqa: S101 - just made
        while not self._cancelled.is_set():
            try:
                generation, slot = self._free.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if generation != self._generation:
                continue
            height, width = pixels.shape[:2]
            np.copyto(self._slots.frame(slot, height, width), pixels)
            return slot
        return None

    def released(self, message: Message) -> None:
        """The parent has emptied a slot; from any thread."""
        self._free.put((message.integer("generation"), message.integer("slot")))

    def free_all(self) -> None:
        """The parent holds no frame at the beginning of a job, nor of new slots."""
        while not self._free.empty():
            self._free.get()
        if self._slots is not None:
            for slot in range(self._slots.count):
                self._free.put((self._generation, slot))

    def drop(self) -> None:
        """Give the memory back."""
        if self._slots is not None:
            self._slots.close()
            self._slots = None

    def _make(self, frame_bytes: int) -> None:
        self.drop()
        with some_files():
            slots = FrameSlots.for_frames(frame_bytes)
        self._slots = slots
        self._generation += 1
        where = {
            "generation": self._generation,
            "count": slots.count,
            "slot_bytes": slots.slot_bytes,
        }
        self._tell(Message("slots", where, descriptors=(slots.descriptor,)))
        self.free_all()
