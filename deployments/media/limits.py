"""What a single piece of media may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Upper bounds on one uploaded file; beyond one of them: `MediaTooLargeError`."""

    max_image_bytes: int = 64 * 2**20
    max_video_bytes: int = 2 * 2**30
    max_pixels: int = 100_000_000
    """Width × height of one frame."""
    max_animation_frames: int = 1_000
    """Frames of an animated image or pages of a TIFF."""
    max_animation_pixels: int = 2_500_000_000
    """Pixels of all its frames or pages together: a thousand frames of 1920×1080 fit."""
    max_video_frames: int = 1_000_000
    max_video_seconds: float = 4 * 3600.0
