"""Which frames of a video are looked at. Pure functions of counts and times; nothing is decoded."""

from __future__ import annotations


def stride(frames: int, skip_percentage: float) -> int:
    """Distance between two frames that ``fast_mode`` looks at, from the first frame on.

    ``k = max(1, round(frames × skip_percentage / 100))``, as the HTTP contract has it. Halves are
    rounded to the even neighbour, as Python's `round` does.

    Args:
        frames: Frames of the whole video.
        skip_percentage: 1…100.
    """
    return max(1, round(frames * skip_percentage / 100))
