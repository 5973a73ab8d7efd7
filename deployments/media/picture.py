"""From a decoder's frame to the pixels a viewer would see: RGB, upright."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from deployments.media.orientation import upright
from deployments.types import Frame

_UNSPECIFIED = 2
"""``AVCOL_SPC_UNSPECIFIED``: the stream does not say which YUV matrix it uses."""
_HD_WIDTH, _SD_HEIGHT = 1280, 576
"""Where nothing is said, players take BT.709 from 1280 columns or more than 576 lines up and BT.601
below (mpv, ``mp_csp_guess_colorspace``; Chromium does alike)."""

CLOCKWISE_DEGREES: Mapping[int, int] = {1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}
"""EXIF orientation to the rotation in it, applied after mirroring where it mirrors (2, 4, 5, 7)."""


_ALONG_THE_AXES = {(False, False): 1, (True, False): 2, (True, True): 3, (False, True): 4}
_ACROSS_THE_AXES = {(False, False): 5, (False, True): 6, (True, True): 7, (True, False): 8}
"""The signs of a display matrix's larger entries, (a, d) or (b, c) of
``x' = a·x + c·y, y' = b·x + d·y``, to the EXIF orientation that turns alike."""


class PictureMaker:
    """Makes frames of one video into RGB. Keeps the conversion tables, so use one a video."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._orientation = 1

    def rgb(self, frame: VideoFrame) -> Frame:
        """RGB ``[H, W, 3]`` uint8, full range, upright, C-contiguous, at the video's own size.

        The YUV matrix and range are those that the stream names.
        """
        converted = self._reformatter.reformat(
            frame, format="rgb24", src_colorspace=_matrix(frame), threads=1
        )
        pixels = np.ascontiguousarray(converted.to_ndarray(), np.uint8)
        return upright(pixels, self._orientation_of(frame))

    def _orientation_of(self, frame: VideoFrame) -> int:
        """`frame_orientation`, read anew only where the angle changes.

        A frame whose side data was read refers to itself, so that its memory would be held until
        the garbage collector runs: hundreds of megabytes of frames.
        """
        if frame.rotation != self._rotation:
            self._rotation = frame.rotation
            self._orientation = frame_orientation(frame)
        return self._orientation


def frame_orientation(frame: VideoFrame) -> int:
    """EXIF orientation, 1…8, of a frame's display matrix; 1 where it has none.

    Turns are rounded to the nearest quarter: a picture that stands a little askew stays so.
    """
    try:
        # PyAV's stub describes this mapping otherwise than it is.
        matrix = cast("Mapping[Type, SideData]", frame.side_data).get(Type.DISPLAYMATRIX)
    except ValueError:
        # PyAV lists no frame that has side data newer than itself; the angle it tells always.
        quarters = round(-frame.rotation / 90) % 4
        return (1, 6, 3, 8)[quarters]
    if matrix is None:
        return 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _ALONG_THE_AXES[a < 0, d < 0]
    return _ACROSS_THE_AXES[b < 0, c < 0]


def _matrix(frame: VideoFrame) -> Colorspace | None:
    if frame.colorspace != _UNSPECIFIED:
        return None
    is_hd = frame.width >= _HD_WIDTH or frame.height > _SD_HEIGHT
    return Colorspace.ITU709 if is_hd else Colorspace.ITU601
