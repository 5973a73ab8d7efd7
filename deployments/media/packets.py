"""What a video's packets tell before any of them is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NO_TIME = np.iinfo(np.int64).min
"""Stands for a timestamp that the container does not have, as FFmpeg's ``AV_NOPTS_VALUE``."""


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """Every packet of the video track, in decoding order; times in units of ``time_base``.

    Made by reading the whole container, because the containers' own indexes cannot be trusted:
    Matroska's and MPEG-TS's lack most frames, and none says whether the data is there.
    """

    time_base: Fraction
    """Seconds in a unit."""
    pts: Int64Array
    """``[P]`` presentation times; `NO_TIME` where the container has none."""
    dts: Int64Array
    """``[P]`` decoding times; `NO_TIME` where the container has none."""
    duration: Int64Array
    """``[P]``; 0 where unknown."""
    size: Int64Array
    """``[P]`` bytes."""
    keyframe: BoolArray
    """``[P]`` whether decoding may start there."""
    shown: BoolArray
    """``[P]`` whether the packet carries a frame to show: no reference frame that stays hidden, no
    empty packet, nothing that an edit list cuts away."""
    disposable: BoolArray | None = None
    """``[P]`` whether no other packet's frame is predicted from this one's; None where the codec
    does not tell."""

    @property
    def first_keyframe(self) -> int:
        """Ordinal of the first packet that decoding may start at; 0 if none is marked."""
        return int(self.keyframe.argmax())

    @property
    def second_keyframe(self) -> int:
        """Ordinal of the keyframe after the first; P if there is none."""
        return int(np.append(self.keyframe.nonzero()[0], [len(self.pts)] * 2)[1])

    @property
    def has_pts(self) -> bool:
        """Whether the container stores presentation times (AVI does not).

        Matroska cannot store times before zero, which pictures that lead the first keyframe have
        where a file was cut there: these alone may lack one.
        """
        known = self.pts != NO_TIME
        lacking = (self.shown & ~known)[self.second_keyframe :]
        return bool(known[self.first_keyframe]) and not lacking.any()

    def leading(self) -> BoolArray:
        """``[P]``: to be shown before the keyframe that precedes it in decoding order.

        Where decoding starts at that keyframe these cannot be decoded, and are not shown.
        """
        if not self.has_pts or not self.keyframe.any():
            return np.zeros(len(self.pts), np.bool_)
        ordinals = np.arange(len(self.pts))
        last_keyframe = np.maximum.accumulate(np.where(self.keyframe, ordinals, -1))
        after_one = last_keyframe >= 0
        return after_one & self.shown & (self.pts < self.pts[last_keyframe])

    def presentation(self, first_pts: int | None) -> Int64Array:
        """``[F]`` presentation times of the frames to show, in presentation order.

        Args:
            first_pts: Time of the first frame that can be decoded; earlier ones are left out. None
                where the container stores no presentation times: these are the decoding times
                then, which a constant delay apart are the same in order.
        """
        if self.has_pts:
            times = np.sort(self.pts[self.shown & (self.pts != NO_TIME)])
            return times if first_pts is None else times[times >= first_pts]
        times = self.dts[self.shown]
        known = times != NO_TIME
        if not known.all():
            times = np.where(known, times, self.pts[self.shown])
            known = times != NO_TIME
        if not known.any():
            return np.arange(len(times), dtype=np.int64)
        ordinals = np.arange(len(times))
        filled = np.interp(ordinals, ordinals[known], times[known])
        return np.sort(np.rint(filled).astype(np.int64))
