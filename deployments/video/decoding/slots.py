"""Frames in shared memory: a few slots that a decoder fills and its parent empties."""

from __future__ import annotations

import fcntl
import mmap
import os

import numpy as np

from deployments.types import Frame

MOST_SLOTS = 6
_RING_BYTES = 28 * 2**20
"""Four frames of 1080p, or one larger frame."""


class FrameSlots:
    """A block of shared memory, mapped here; of equal slots.

    Args:
        descriptor: Of the memory; this object owns it.
        count: Slots.
        slot_bytes: Of each.
    """

    def __init__(self, descriptor: int, count: int, slot_bytes: int) -> None:
        self.descriptor = descriptor
        self.count = count
        self.slot_bytes = slot_bytes
        self._memory = mmap.mmap(descriptor, count * slot_bytes)

    @classmethod
    def for_frames(cls, frame_bytes: int) -> FrameSlots:
        """New memory for frames of up to so many bytes."""
        count = max(1, min(MOST_SLOTS, _RING_BYTES // frame_bytes))
        descriptor = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, count * frame_bytes)
        return cls(descriptor, count, frame_bytes)

    @classmethod
    def received(cls, descriptor: int, count: int, slot_bytes: int) -> FrameSlots:
        """Memory that the decoder made.

        It is sealed first: memory that shrinks under its reader would end the reader's process.

        Raises:
            ValueError: It is smaller than it should be.
            OSError: It is no memory that can be sealed.
        """
        try:
            _seal(descriptor, count * slot_bytes)
            return cls(descriptor, count, slot_bytes)
        except (OSError, ValueError):
            os.close(descriptor)
            raise

    def frame(self, slot: int, height: int, width: int) -> Frame:
        """The frame in a slot, ``[height, width, 3]``: a view, not a copy.

        Raises:
            ValueError: There is no such slot, or it is too small for that.
        """
        size = height * width * 3
        fits = min(height, width) > 0 and size <= self.slot_bytes
        if not (fits and 0 <= slot < self.count):
            raise ValueError("a frame lies outside its slot")
        pixels = np.frombuffer(self._memory, np.uint8, size, slot * self.slot_bytes)
        return pixels.reshape(height, width, 3)

    def close(self) -> None:
        """Give the memory back, once the last view of it is gone."""
        os.close(self.descriptor)
        del self._memory


def _seal(descriptor: int, least_bytes: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    if not 0 < least_bytes <= os.fstat(descriptor).st_size:
        raise ValueError("the decoder's memory is too small")
