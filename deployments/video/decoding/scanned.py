"""What a scan found, as it crosses between processes: a video is scanned once, decoded by many."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from fractions import Fraction
from typing import cast

import numpy as np

from deployments.media.packets import BoolArray, Int64Array, PacketIndex
from deployments.media.video import OpenVideo
from deployments.types import VideoFacts
from deployments.video.decoding.wire import ConnectionLostError, Message, NumberArray
from deployments.video.sampling.frame_table import FrameTable

_TIMES = ("pts", "dts", "duration", "size")
_FLAGS = ("keyframe", "shown")


class ScannedVideo:
    """A video's facts and packets.

    Args:
        facts: What the video is.
        index: Its packets.
        times: ``[F]`` as `PacketIndex.presentation` gave them.
    """

    def __init__(self, facts: VideoFacts, index: PacketIndex, times: Int64Array) -> None:
        self.facts = facts
        self.index = index
        self.times = times

    @classmethod
    def of(cls, video: OpenVideo) -> ScannedVideo:
        """What opening the video found."""
        return cls(video.facts, video.index, video.times)

    @property
    def can_be_entered(self) -> bool:
        """Whether decoding may begin at any keyframe. A container without presentation times
        (AVI) does not tell which frames lead a keyframe, so not where frames are reordered.
        """
        disposable = self.index.disposable
        return self.index.has_pts or disposable is None or not disposable.any()

    def table(self) -> FrameTable:
        """The video's frames."""
        # Where frames are known by counting them, none may be left out.
        disposable = self.index.disposable if self.index.has_pts else None
        table = FrameTable.from_packets(
            self.index, self.times, self.facts.duration_seconds, disposable
        )
        if self.can_be_entered:
            return table
        return replace(table, entry=np.zeros_like(table.entry))

    def message(self, kind: str) -> Message:
        """As a message of that kind."""
        index = self.index
        arrays: dict[str, NumberArray] = {"times": self.times}
        arrays |= {name: getattr(index, name) for name in (*_TIMES, *_FLAGS)}
        if index.disposable is not None:
            arrays["disposable"] = index.disposable
        base = {"numerator": index.time_base.numerator, "denominator": index.time_base.denominator}
        return Message(kind, {**asdict(self.facts), **base}, arrays)

    @classmethod
    def from_message(cls, message: Message) -> ScannedVideo:
        """The reverse of `message`.

        Raises:
            ConnectionLostError: It holds something else.
        """
        values = {field.name: message.values.get(field.name) for field in fields(VideoFacts)}
        facts = VideoFacts(**values)  # type: ignore[arg-type]
        try:
            base = Fraction(message.integer("numerator"), message.integer("denominator"))
        except ZeroDivisionError as error:
            raise ConnectionLostError("the facts are not those of a video") from error
        times = {name: cast("Int64Array", message.integers(name)) for name in _TIMES}
        flags = {name: cast("BoolArray", message.integers(name)) for name in _FLAGS}
        index = PacketIndex(
            time_base=base,
            pts=times["pts"],
            dts=times["dts"],
            duration=times["duration"],
            size=times["size"],
            keyframe=flags["keyframe"],
            shown=flags["shown"],
            disposable=cast("BoolArray | None", message.arrays.get("disposable")),
        )
        return cls(facts, index, cast("Int64Array", message.integers("times")))
