"""The parent's end of the frames' way: views of shared memory, which it gives back."""

from __future__ import annotations

from deployments.types import Frame
from deployments.video.decoding.slots import FrameSlots
from deployments.video.decoding.wire import Message


class FrameInlet:
    """Sees the frames that a decoder put into its slots."""

    def __init__(self) -> None:
        self._slots: FrameSlots | None = None
        self._generation = 0

    def take(self, message: Message) -> None:
        """Take new slots over; the old ones are given up.

        Raises:
            ValueError, OSError: They are not what the message says.
        """
        self.drop()
        (descriptor,) = message.descriptors
        self._slots = FrameSlots.received(
            descriptor, message.integer("count"), message.integer("slot_bytes")
        )
        self._generation = message.integer("generation")

    def frame(self, message: Message) -> Frame:
        """The frame that a message tells of: a view, until its slot is released.

        Raises:
            ValueError: It lies in no slot.
        """
        if self._slots is None:
            raise ValueError("a frame came before the memory that it lies in")
        return self._slots.frame(
            message.integer("slot"), message.integer("height"), message.integer("width")
        )

    def release(self, message: Message) -> Message:
        """What to answer when the frame is no longer looked at."""
        slot = message.integer("slot")
        return Message("release", {"slot": slot, "generation": self._generation})

    def drop(self) -> None:
        """Give the memory back."""
        if self._slots is not None:
            self._slots.close()
            self._slots = None
