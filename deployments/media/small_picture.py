"""Small grey pictures of decoded frames, to be compared with each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter


class SmallPictures:
    """Makes small grey pictures of one video's frames. Keeps scaling tables, so use one a video.

    Args:
        side_pixels: Width and height of the pictures; the aspect ratio is not kept.
    """

    def __init__(self, side_pixels: int) -> None:
        self._side_pixels = side_pixels
        self._reformatter = VideoReformatter()

    def luma(self, frame: VideoFrame) -> npt.NDArray[np.uint8]:
        """Luma ``[side, side]`` uint8, full range, scaled down with averaging, as it is stored: not
        turned upright.
        """
        small = self._reformatter.reformat(
            frame,
            width=self._side_pixels,
            height=self._side_pixels,
            format="gray",
            interpolation=Interpolation.AREA,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        return np.ascontiguousarray(small.to_ndarray(), np.uint8)
