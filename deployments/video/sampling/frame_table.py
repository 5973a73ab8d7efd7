"""A video's frames in presentation order, and what decoding each of them takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from deployments.errors import InvalidParameterError
from deployments.media.packets import BoolArray, Int64Array, PacketIndex

Float64Array: TypeAlias = npt.NDArray[np.float64]

TIME_TOLERANCE_SECONDS = 1e-6
"""Times are sums of rational numbers held as floats; real frames lie much farther apart."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """One row a frame, in presentation order; positions count from 0."""

    seconds: Float64Array
    """``[F]`` presentation time from the first frame on; never falls."""
    end_seconds: float
    """When the last frame ceases to be shown."""
    size: Int64Array
    """``[F]`` bytes of the frame's packet."""
    keyframe: BoolArray
    """``[F]`` whether the frame is decoded from its own packet alone."""
    packet: Int64Array
    """``[F]`` the packet's ordinal in decoding order."""
    entry: Int64Array
    """``[F]`` ordinal of the keyframe packet that decoding has to begin at for this frame."""
    reference: BoolArray
    """``[P]`` a packet: False where no other frame's decoding can need it."""
    is_order_known: bool = True
    """False where the container has no presentation times (AVI): ``packet`` then says which group
    of pictures a frame belongs to, and its place in there is found by counting decoded frames."""

    def __post_init__(self) -> None:
        lengths = {len(a) for a in (self.size, self.keyframe, self.packet, self.entry)}
        if lengths != {len(self.seconds)} or not len(self.seconds):
            raise ValueError("A frame table has one row a frame, and at least one.")

    def __len__(self) -> int:
        return len(self.seconds)

    @classmethod
    def from_packets(
        cls,
        index: PacketIndex,
        times: Int64Array,
        end_seconds: float,
        disposable: BoolArray | None = None,
    ) -> FrameTable:
        """The table of a scanned video.

        Args:
            index: The video track's packets.
            times: ``[F]`` as `PacketIndex.presentation` gave them.
            end_seconds: The video's duration.
            disposable: ``[P]`` packets known to hold frames that no other frame refers to. None:
                not known, so that every packet counts as a reference.
        """
        shown = index.shown.nonzero()[0]
        if index.has_pts:
            shown = shown[np.argsort(index.pts[shown], kind="stable")]
        packet = shown[len(shown) - len(times) :]
        seconds = (times - times[0]) * float(index.time_base)
        entry = _entries(index)[packet]
        needed = np.ones(len(index.pts), np.bool_) if disposable is None else ~disposable
        return cls(
            seconds=np.maximum.accumulate(seconds),
            end_seconds=max(end_seconds, float(seconds.max())),
            size=index.size[packet],
            keyframe=index.keyframe[packet],
            packet=packet,
            entry=entry,
            reference=needed,
            is_order_known=index.has_pts,
        )

    def span(self, start_seconds: float | None, end_seconds: float | None) -> range:
        """Positions of the frames on show at any time in ``start_seconds <= t < end_seconds``.

        Args:
            start_seconds: None: from the first frame on.
            end_seconds: None: to the last frame.

        Raises:
            InvalidParameterError: The range is empty, or begins behind the video's end.
        """
        start = max(start_seconds or 0.0, 0.0)
        end = np.inf if end_seconds is None else end_seconds
        if not start < min(end, self.end_seconds + TIME_TOLERANCE_SECONDS):
            raise InvalidParameterError(
                f"There is no frame from {start:g} s to {end:g} s: "
                f"the video lasts {self.end_seconds:g} s."
            )
        on_show = self.seconds[self.last_at_or_before(start)]
        # Of frames that share a time, all belong to the range, and without an end all frames do,
        # however short they are shown: none may go unseen.
        first = int(np.searchsorted(self.seconds, on_show, "left")) if start > 0 else 0
        stop = int(np.searchsorted(self.seconds, end - TIME_TOLERANCE_SECONDS, "left"))
        return range(first, max(stop, first + 1))

    def group_end(self, packet: int) -> int:
        """Ordinal of the last packet before the next keyframe's behind ``packet``."""
        keyframes = self.packet[self.keyframe]
        at = int(np.searchsorted(keyframes, packet, "right"))
        return int(keyframes[at]) - 1 if at < len(keyframes) else len(self.reference) - 1

    def shown_until(self, position: int) -> float:
        """Seconds at which the frame at ``position`` ceases to be shown."""
        return float(self.seconds[position + 1]) if position + 1 < len(self) else self.end_seconds

    def first_at_or_after(self, seconds: float) -> int:
        """Position of the first frame presented at ``seconds`` or later; F if there is none."""
        return int(np.searchsorted(self.seconds, seconds - TIME_TOLERANCE_SECONDS, "left"))

    def last_at_or_before(self, seconds: float) -> int:
        """Position of the last frame presented at ``seconds`` or earlier; −1 if there is none."""
        return int(np.searchsorted(self.seconds, seconds + TIME_TOLERANCE_SECONDS, "right")) - 1


def _entries(index: PacketIndex) -> Int64Array:
    """``[P]``: the keyframe packet before each one, or the one before that for leading frames.

    Frames that are stored behind a keyframe and shown before it may refer to the group of pictures
    before it (open GOP). What lies before the first keyframe is decoded from the start.
    """
    ordinals = np.arange(len(index.pts))
    latest = np.maximum.accumulate(np.where(index.keyframe, ordinals, -1))
    earlier = np.where(latest > 0, latest[latest - 1], latest)
    entry = np.where(index.leading() & (earlier >= 0), earlier, latest)
    return np.maximum(entry, 0)
