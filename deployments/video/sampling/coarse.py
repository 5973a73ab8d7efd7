"""Looks that leave no gap longer than a maximum, at places that are cheap to decode."""

from __future__ import annotations

import numpy as np

from deployments.media.packets import BoolArray, Int64Array
from deployments.video.sampling.frame_table import TIME_TOLERANCE_SECONDS, FrameTable

_FASTEST_FPS = 240.0
"""A gap holds no more frames than this rate gives it, whatever timestamps say: frames that follow
faster than displays are cannot be hidden between two looks."""
_NEAR_FRAMES = 3
"""How far a look moves to a reference frame: most encoders put no more B frames side by side."""


class GapCover:
    """Chooses looks from front to back, such that two neighbours are at most the gap apart.

    Only two frames that follow each other directly may be farther apart: there is nothing between
    them. The span's end counts as a look, so a stretch of at least the gap is hit wherever it is.

    Keyframes cost one decoded frame each, so the farthest one within the gap is taken. Where the
    next one is too far, decoding reaches into the group of pictures up to its last look, which
    therefore lies as early as the gap before the next keyframe allows; looks before it are
    decoded on the way, so that they can be jittered for nothing.

    Args:
        table: The video's frames.
        span: Positions to cover.
        gap_seconds: Over 0.
        rng: Source of the jitter.
        jitter: 0…1: share of the gap by which looks inside long groups of pictures vary.
        every_keyframe: Look at all keyframes, and in between only where the gap asks for it.
        halved: ``[F]`` where two looks are to be at most half the gap apart. None: nowhere.
    """

    def __init__(
        self,
        table: FrameTable,
        span: range,
        gap_seconds: float,
        rng: np.random.Generator,
        *,
        jitter: float = 0.0,
        every_keyframe: bool = False,
        halved: BoolArray | None = None,
    ) -> None:
        self._table = table
        self._stop = span.stop
        self._start = span.start
        self._end_seconds = table.shown_until(span.stop - 1)
        self._gap = gap_seconds
        self._rng = rng
        self._jitter = jitter
        self._every_keyframe = every_keyframe
        counts = np.zeros(len(table), np.int64) if halved is None else halved.astype(np.int64)
        self._halved_before = np.concatenate(([0], np.cumsum(counts)))
        self._keyframes: Int64Array = table.keyframe.nonzero()[0]

    def looks(self) -> list[int]:
        """Positions, ascending; the span's first frame is the first."""
        looks = [self._start]
        while not self._is_covered_from(looks[-1]):
            looks.append(self._after(looks[-1]))
        return looks

    def _gap_after(self, position: int) -> float:
        reach = self._table.last_at_or_before(float(self._table.seconds[position]) + self._gap)
        stop = min(max(reach, position) + 1, self._stop)
        is_halved = self._halved_before[stop] > self._halved_before[position]
        return self._gap / 2 if is_halved else self._gap

    def _is_covered_from(self, position: int) -> bool:
        left = self._end_seconds - self._table.seconds[position]
        is_last = position == self._stop - 1
        gap = self._gap_after(position)
        is_near = self._stop - position <= _most_frames(gap)
        within_gap = is_near and left <= gap + TIME_TOLERANCE_SECONDS
        return is_last or (within_gap and not self._wants_keyframe_after(position))

    def _wants_keyframe_after(self, position: int) -> bool:
        return self._every_keyframe and self._next_keyframe(position) < self._stop

    def _next_keyframe(self, position: int) -> int:
        at = int(np.searchsorted(self._keyframes, position, "right"))
        return int(self._keyframes[at]) if at < len(self._keyframes) else len(self._table)

    def _after(self, position: int) -> int:
        gap = self._gap_after(position)
        seconds = float(self._table.seconds[position])
        reach = min(
            self._table.last_at_or_before(seconds + gap),
            position + _most_frames(gap),
            self._stop - 1,
        )
        if reach <= position:
            return position + 1
        keyframe = self._next_keyframe(position)
        if keyframe <= reach:
            return keyframe if self._every_keyframe else self._last_keyframe(reach)
        return self._inside_group(position, reach, keyframe, gap)

    def _last_keyframe(self, reach: int) -> int:
        return int(self._keyframes[np.searchsorted(self._keyframes, reach, "right") - 1])

    def _inside_group(self, position: int, reach: int, keyframe: int, gap: float) -> int:
        """A look between two keyframes that are farther apart than the gap."""
        ends_at = self._end_seconds if keyframe >= self._stop else self._table.seconds[keyframe]
        earliest = max(self._table.first_at_or_after(ends_at - gap), position + 1)
        if earliest <= reach:  # the group's last look
            latest = earliest + round(self._jitter * (reach - earliest))
        else:
            least = float(self._table.seconds[position]) + (1 - self._jitter) * gap
            earliest = min(max(self._table.first_at_or_after(least), position + 1), reach)
            latest = reach
        chosen = int(self._rng.integers(earliest, latest, endpoint=True))
        return self._on_reference(chosen, reach)

    def _on_reference(self, position: int, reach: int) -> int:
        """The frame itself or one of the next that others refer to, and so is decoded anyway."""
        near = np.arange(position, min(position + _NEAR_FRAMES, reach) + 1)
        is_reference = self._table.reference[self._table.packet[near]]
        return int(near[is_reference.argmax()])


def _most_frames(seconds: float) -> int:
    return max(1, int(seconds * _FASTEST_FPS))
