"""Change between frames, measured on small grey pictures: what may be reused, what is a cut.

A small picture is ``[64, 64]`` uint8, full-range luma, scaled down with averaging.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

SmallLuma: TypeAlias = npt.NDArray[np.uint8]

SMALL_SIDE_PIXELS = 64
_BLOCK_PIXELS = 4
"""Side of the blocks that a change is averaged over: a sixteenth of the picture's side, the
smallest region that a change is looked for in, and enough to even out noise."""


def largest_local_change(before: SmallLuma, after: SmallLuma) -> float:
    """Mean absolute difference in grey levels, 0…255, of the 4×4 block that changed most.

    Blocks lie at every place, not on a grid, so that a change on a grid's border counts in full.
    """
    blocks = cv2.boxFilter(cv2.absdiff(before, after), cv2.CV_32F, (_BLOCK_PIXELS, _BLOCK_PIXELS))
    return float(np.max(blocks))


def mean_change(before: SmallLuma, after: SmallLuma) -> float:
    """Mean absolute difference in grey levels, 0…255, over the whole picture."""
    return float(cv2.norm(before, after, cv2.NORM_L1)) / before.size


@dataclass(frozen=True, slots=True)
class _Classified:
    frame: int
    seconds: float
    luma: SmallLuma


class ReuseGate:
    """Lets a look take over the score of the last classified frame where nothing has changed.

    It compares with the frame that was last *classified*, not with the last look: a slow drift
    adds up and is seen. One gate goes with one forward pass over looks in presentation order.

    Args:
        max_change: Grey levels by which the block that changed most may differ.
        max_reuse_seconds: Time after which a frame is classified anew in any case.
    """

    def __init__(self, max_change: float = 6.0, max_reuse_seconds: float = 10.0) -> None:
        self._max_change = max_change
        self._max_reuse_seconds = max_reuse_seconds
        self._classified: _Classified | None = None

    def source(self, frame: int, seconds: float, luma: SmallLuma) -> int:
        """The position of the frame whose score stands for this look.

        It is the look's own where it must be classified; later looks are compared with it then.

        Args:
            frame: The look's position.
            seconds: Its presentation time.
            luma: Its small picture; kept, not copied.
        """
        last = self._classified
        if (
            last is not None
            and 0 <= seconds - last.seconds <= self._max_reuse_seconds
            and largest_local_change(last.luma, luma) <= self._max_change
        ):
            return last.frame
        self._classified = _Classified(frame, seconds, luma)
        return frame


class CutDetector:
    """Sees cuts on decoded frames: a sudden change, much larger than those just before it.

    Feed it every decoded frame of a run in presentation order, and begin a new one for each run.
    What follows slowly (a dissolve, a pan) is no cut; the gap between looks bounds what it hides.

    Args:
        gap_seconds: Length of time that ``most_per_gap`` holds for.
        most_per_gap: Cuts that are told within that time; a flicker tells no more.
        min_change: Mean grey levels.
        ratio: To the mean of the changes before it.
    """

    _MEMORY_FRAMES = 8

    def __init__(
        self,
        gap_seconds: float = 1.0,
        most_per_gap: int = 4,
        min_change: float = 4.0,
        ratio: float = 4.0,
    ) -> None:
        self._gap_seconds = gap_seconds
        self._min_change = min_change
        self._ratio = ratio
        self._previous: SmallLuma | None = None
        self._changes: deque[float] = deque(maxlen=self._MEMORY_FRAMES)
        self._told: deque[float] = deque(maxlen=most_per_gap)

    def is_cut(self, seconds: float, luma: SmallLuma) -> bool:
        """Whether a new shot begins with this frame.

        Args:
            seconds: Its presentation time.
            luma: Its small picture; kept, not copied.
        """
        previous, self._previous = self._previous, luma
        if previous is None:
            return False
        change = mean_change(previous, luma)
        usual = sum(self._changes) / len(self._changes) if self._changes else 0.0
        self._changes.append(change)
        if change < self._min_change or change < self._ratio * usual:
            return False
        if len(self._told) == self._told.maxlen and seconds - self._told[0] < self._gap_seconds:
            return False
        self._told.append(seconds)
        return True
