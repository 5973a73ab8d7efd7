"""Frames of every image format but JPEG, through Pillow's decoders.

Decoders are called by class, so that no other plugin is ever asked and nothing depends on Pillow's
registry, which is filled lazily and not safely from several threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.orientation import orientation, upright
from deployments.media.structure import gif, isobmff, jpeg2000, png, tiff, webp
from deployments.media.structure.outline import Outline, require_pixels, require_total_pixels
from deployments.types import Frame

# Pillow's own bound is one for the whole process; ours is in `MediaLimits`, is checked before any
# memory is reserved, and may be higher. Pillow's stays as a backstop far above it.
Image.MAX_IMAGE_PIXELS = 2**30

# Pillow reports odd metadata by `warnings.warn`. What matters here is an error by its own means;
# the rest would be noise in the log of a service, and `warnings.catch_warnings` is not
# thread-safe. So it is silenced once.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def _no_outline(_data: bytes, _limits: MediaLimits) -> Outline:
    """For a format whose decoder notices by itself when anything is missing."""
    return Outline()


@dataclass(frozen=True, slots=True)
class _Format:
    outline: Callable[[bytes, MediaLimits], Outline]
    decoder: Callable[[BytesIO], ImageFile.ImageFile]


_FORMATS: Mapping[str, _Format] = {
    "avif": _Format(isobmff.avif_outline, AvifImageFile),
    "bmp": _Format(_no_outline, BmpImageFile),
    "gif": _Format(gif.outline, GifImageFile),
    "heic": _Format(isobmff.heic_outline, HeifImageFile),
    "jpeg2000": _Format(jpeg2000.outline, Jpeg2KImageFile),
    "png": _Format(png.outline, PngImageFile),
    "tiff": _Format(tiff.outline, TiffImageFile),
    "webp": _Format(webp.outline, WebPImageFile),
}


@dataclass(frozen=True, slots=True)
class PillowImage:
    """An image or animation whose structure was checked."""

    name: str
    data: bytes
    limits: MediaLimits
    outline: Outline
    width: int
    """Pixels of the first frame, after orientation."""
    height: int
    """Pixels of the first frame, after orientation."""
    orientation: int

    def decode(self) -> Iterator[Frame]:
        """All frames, each ``[H, W, 3]`` and upright.

        Raises:
            Exception: Whatever Pillow raises on damaged data.
            MediaTooLargeError: A frame turned out to be larger than it was said to be.
        """
        with _FORMATS[self.name].decoder(BytesIO(self.data)) as image:
            for index in range(self.outline.frames):
                if index:
                    image.seek(index)
                require_pixels(*image.size, self.limits)
                image.load()
                yield upright(_rgb(image), self.orientation)


def open_with_pillow(name: str, data: bytes, limits: MediaLimits) -> PillowImage:
    """Check the structure and read the header.

    Args:
        name: ``MediaFormat.name`` of an image other than JPEG.
        data: The whole file.
        limits: Bounds on pixels and frames.

    Raises:
        CorruptMediaError: The structure is damaged, or the decoder sees another one.
        MediaTooLargeError: Too many frames or pixels.
        Exception: Whatever Pillow raises on damaged data.
    """
    outline = _FORMATS[name].outline(data, limits)
    with _FORMATS[name].decoder(BytesIO(data)) as image:
        width, height = image.size
        require_pixels(width, height, limits)
        if isinstance(image, AvifImageFile | PngImageFile | WebPImageFile):
            _require_frame_count(image.n_frames, outline)
        if name not in ("gif", "tiff"):  # whose frames may differ in size, and are summed up there
            require_total_pixels(width * height * outline.frames, limits)
        if outline.late_orientation and outline.frames == 1:
            image.load()
        value = _orientation(image)
    if value >= 5:
        width, height = height, width
    return PillowImage(name, data, limits, outline, width, height, value)


def _require_frame_count(decoder_frames: int, outline: Outline) -> None:
    if decoder_frames != outline.frames:
        raise CorruptMediaError(
            f"The animation is damaged: it has {outline.frames} frames, "
            f"of which its decoder finds {decoder_frames}."
        )


def _orientation(image: ImageFile.ImageFile) -> int:
    """From where Pillow's ``Image.getexif`` takes it, in the same order."""
    if isinstance(image, TiffImageFile | HeifImageFile):
        return 1  # the decoder itself turns the picture
    exif = image.info.get("exif")
    if exif is None and (profile := image.info.get("Raw profile type exif")):
        try:
            exif = bytes.fromhex("".join(profile.split("\n")[3:]))
        except ValueError:
            exif = None
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp")
    return orientation(exif, xmp.encode() if isinstance(xmp, str) else xmp)


def _rgb(image: Image.Image) -> Frame:
    """The pixels as ``convert("RGB")`` gives them: alpha dropped, palettes resolved."""
    if image.mode != "RGB":
        if "transparency" in image.info:
            # It does not change RGB, but Pillow would work on it, and warn. The animation's own
            # `info` must stay as it is: the next frame is built on it.
            image = image.copy()
            del image.info["transparency"]
        image = image.convert("RGB")
    return np.asarray(image, dtype=np.uint8)
