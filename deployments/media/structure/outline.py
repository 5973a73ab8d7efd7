"""What walking a file's structure tells, and the limits that are checked on the way."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from deployments.errors import CorruptMediaError, MediaTooLargeError
from deployments.media.limits import MediaLimits

_MAX_PARTS = 2**17
"""Chunks or boxes of a file. Walking them takes time by their number, not their size; a file of the
largest size that is taken by default has them at 500 bytes each, and real ones at thousands."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The frames of a file that is complete."""

    frames: int = 1
    display_seconds: tuple[Fraction, ...] | None = None
    """How long each frame shows; None where the format does not say."""
    late_orientation: bool = False
    """The orientation may stand behind the pixels, so that they must be decoded to know it."""


def require_pixels(width: int, height: int, limits: MediaLimits) -> None:
    """Check the size of one frame before memory is reserved for it.

    Raises:
        CorruptMediaError: The frame has no pixels.
        MediaTooLargeError: It has more than the limit.
    """
    if width < 1 or height < 1:
        raise CorruptMediaError(f"The image has no pixels: its size is {width}×{height}.")
    if width * height > limits.max_pixels:
        raise MediaTooLargeError(
            f"The image has {width}×{height} pixels; at most {limits.max_pixels:,} are taken."
        )


def require_total_pixels(total: int, limits: MediaLimits) -> None:
    """Check the pixels of all frames together: few bytes can be many frames of many pixels.

    Raises:
        MediaTooLargeError: More than the limit.
    """
    if total > limits.max_animation_pixels:
        raise MediaTooLargeError(
            f"The frames or pages have {total:,} pixels together; "
            f"at most {limits.max_animation_pixels:,} are taken."
        )


def require_parts(count: int) -> None:
    """Check the number of a file's parts that were walked so far.

    Raises:
        MediaTooLargeError: More than any encoder writes.
    """
    if count > _MAX_PARTS:
        raise MediaTooLargeError(f"The file has more than {_MAX_PARTS:,} parts.")


def require_frames(count: int, limits: MediaLimits) -> None:
    """Check the number of frames that were counted so far.

    Raises:
        MediaTooLargeError: More than the limit.
    """
    if count > limits.max_animation_frames:
        raise MediaTooLargeError(
            f"The animation has more than {limits.max_animation_frames:,} frames or pages."
        )
