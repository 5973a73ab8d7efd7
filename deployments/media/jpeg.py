"""JPEG → RGB through libjpeg-turbo, strictly: what libjpeg warns of is an error here.

Bit-equal to Pillow at full size, which brings the same library with the same settings; ``fastdct``
and ``fastupsample`` stay off because they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import simplejpeg
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from deployments.media.limits import MediaLimits
from deployments.media.orientation import orientation, upright
from deployments.media.structure.jpeg import (
    JpegHeader,
    read_header,
    require_scans,
    with_baseline_scan,
)
from deployments.media.structure.outline import require_pixels
from deployments.types import Frame

_FIRST_ON_ITS_SIDE = 5
"""EXIF orientations from here on exchange height and width."""


@dataclass(frozen=True, slots=True)
class JpegImage:
    """A JPEG whose header was read. Of a file with several pictures (MPO) it is the first."""

    data: bytes
    header: JpegHeader
    colours: str | None
    """TurboJPEG's name; None for the chroma samplings that it does not know."""
    width: int
    """Pixels, after orientation."""
    height: int
    """Pixels, after orientation."""
    orientation: int

    def decode(self, reduction: int = 1) -> Frame:
        """The upright picture, ``[H / reduction, W / reduction, 3]``.

        Args:
            reduction: 1, 2, 4 or 8, and a divisor of both sides: the inverse transform makes so
                many times fewer pixels each way. Colours with their own ways (CMYK, odd chroma
                samplings) come at full size all the same.

        Raises:
            ValueError, OSError: The library reports an error, or only a warning.
        """
        try:
            pixels = self._decode(self.data, reduction)
        except ValueError as error:
            # Some phones write zeros where a sequential scan must say 0…63. Every decoder knows
            # what is meant; but libjpeg's warning hides later, real ones, so mend it and retry.
            if "Invalid SOS parameters" not in str(error):
                raise
            pixels = self._decode(with_baseline_scan(self.data, self.header), reduction)
        return upright(pixels, self.orientation)

    def _decode(self, data: bytes, reduction: int) -> Frame:
        """The picture as it is stored."""
        if self.colours is None:
            with JpegImageFile(BytesIO(data)) as image:
                return np.asarray(image.convert("RGB"), dtype=np.uint8)
        if self.colours in ("CMYK", "YCCK"):
            inks = simplejpeg.decode_jpeg(data, colorspace="CMYK")
            # Inverted, as Adobe writes them and Pillow takes them all to be.
            cmyk = Image.frombuffer("CMYK", inks.shape[1::-1], inks, "raw", "CMYK;I", 0, 1)
            return np.asarray(cmyk.convert("RGB"), dtype=np.uint8)
        height, width = self.height, self.width
        if self.orientation >= _FIRST_ON_ITS_SIDE:
            height, width = width, height
        # The least size that is allowed: the library takes the smallest that is not less.
        pixels = simplejpeg.decode_jpeg(
            data,
            colorspace="RGB",
            min_height=height // reduction,
            min_width=width // reduction,
        )
        return np.asarray(pixels, dtype=np.uint8)


def open_jpeg(data: bytes, limits: MediaLimits) -> JpegImage:
    """Read the header.

    Raises:
        CorruptMediaError: There is no pixel, or garbage in the header.
        MediaTooLargeError: Too many pixels or scans.
        ValueError, OSError, SyntaxError: The header is damaged.
    """
    width, height, colours = _size_and_colours(data)
    require_pixels(width, height, limits)
    header = read_header(data)
    require_scans(data, header)
    value = orientation(header.exif, header.xmp)
    if value >= _FIRST_ON_ITS_SIDE:
        width, height = height, width
    return JpegImage(data, header, colours, width, height, value)


def _size_and_colours(data: bytes) -> tuple[int, int, str | None]:
    """Width, height and TurboJPEG's name for the colours, by the eyes of the decoder itself."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except (ValueError, KeyError) as error:
        # TurboJPEG knows the common chroma samplings only (a KeyError is simplejpeg's way to say
        # so); libjpeg, and so Pillow, knows all.
        if isinstance(error, ValueError) and "subsampling" not in str(error):
            raise
        with JpegImageFile(BytesIO(data)) as image:
            return *image.size, None
    return int(width), int(height), str(colours)
