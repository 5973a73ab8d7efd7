"""Image bytes → upright RGB frames, exactly those that the models were trained to see.

Every frame is bit-equal to ``ImageOps.exif_transpose(image).convert("RGB")`` of Pillow, which is
what ``transformers.pipeline("image-classification")`` feeds its processor, but for large JPEGs
that are asked for reduced. What is damaged or cut off anywhere is an error, never a shorter or
greyer answer.

Safe to call from several threads: nothing is shared between two images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import accumulate

from deployments.errors import (
    CorruptMediaError,
    MediaError,
    MediaTooLargeError,
    UnsupportedMediaError,
)
from deployments.media.jpeg import open_jpeg
from deployments.media.limits import MediaLimits
from deployments.media.pillow import open_with_pillow
from deployments.media.sizes import reduction
from deployments.media.sniff import sniff
from deployments.types import Buffer, Frame, ImageFacts, InputSpec, TimedFrame


class OpenImage:
    """A still image or an animation whose header and structure were checked; see `open_image`.

    Args:
        facts: What is known of it.
        starts: When each frame shows first, in seconds.
        decode: Decodes all frames, from the first, on every call; so many times smaller, where the
            format can.
    """

    def __init__(
        self,
        facts: ImageFacts,
        starts: tuple[float, ...],
        decode: Callable[[int], Iterator[Frame]],
    ) -> None:
        self.facts = facts
        self.starts = starts
        self._decode = decode

    def frames(self, inputs: Sequence[InputSpec] = ()) -> Iterator[TimedFrame]:
        """Decode frame by frame; every call starts anew at the first.

        Args:
            inputs: All that the frames are fit to, where large JPEGs may come smaller: a half, a
                quarter or an eighth as long each way (`deployments.media.sizes.reduction`). That
                takes a third of the time for 12 megapixels, and moves scores.

        Yields:
            Frames ``[H, W, 3]`` uint8, C-contiguous, maybe read-only. Pages of a TIFF may differ
            in size. At most one frame and the decoder's state are held at a time.

        Raises:
            CorruptMediaError: A frame is damaged or missing.
            MediaTooLargeError: A frame has too many pixels.
        """
        smaller = reduction(self.facts.height, self.facts.width, inputs)
        with _damage_reported(self.facts.format):
            frames = zip(self.starts, self._decode(smaller), strict=True)
            for index, (start, pixels) in enumerate(frames):
                yield TimedFrame(index, start, pixels)


def open_image(data: Buffer, limits: MediaLimits) -> OpenImage:
    """Check an image's structure and read its header; no pixel is decoded yet.

    A GIF is an animation even with one frame; other formats are when they have more than one.

    Args:
        data: The whole file.
        limits: Bounds on bytes, pixels and frames.

    Raises:
        UnsupportedMediaError: Not an image that this service reads.
        CorruptMediaError: Damaged or truncated.
        MediaTooLargeError: Over one of the limits.
    """
    size_bytes = memoryview(data).nbytes
    if size_bytes > limits.max_image_bytes:
        raise MediaTooLargeError(
            f"The image has {size_bytes:,} bytes; at most {limits.max_image_bytes:,} are taken."
        )
    media = sniff(data)
    if media.kind != "image":
        raise UnsupportedMediaError(f"The file is a video ({media.name}), not an image.")
    data = bytes(data)
    with _damage_reported(media.name):
        return _open_jpeg(data, limits) if media.name == "jpeg" else _open(media.name, data, limits)


def _open_jpeg(data: bytes, limits: MediaLimits) -> OpenImage:
    jpeg = open_jpeg(data, limits)
    facts = ImageFacts("image", "jpeg", jpeg.width, jpeg.height, frames=1)
    return OpenImage(facts, (0.0,), lambda by: iter((jpeg.decode(by),)))


def _open(name: str, data: bytes, limits: MediaLimits) -> OpenImage:
    image = open_with_pillow(name, data, limits)
    frames = image.outline.frames
    animated = name == "gif" or frames > 1
    display_seconds = image.outline.display_seconds if animated else None
    facts = ImageFacts(
        type="animation" if animated else "image",
        format=name,
        width=image.width,
        height=image.height,
        frames=frames,
        duration_seconds=float(sum(display_seconds)) if display_seconds is not None else None,
    )
    starts = accumulate((display_seconds or (Fraction(0),) * frames)[:-1], initial=Fraction(0))
    return OpenImage(facts, tuple(map(float, starts)), lambda _: image.decode())


@contextmanager
def _damage_reported(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises on hostile bytes into one error, here and nowhere else."""
    try:
        yield
    except MediaError:
        raise
    except Exception as error:
        # Beside OSError, SyntaxError and ValueError, Pillow's plugins let escape what a damaged
        # header makes Python itself raise: struct.error, IndexError, KeyError, TypeError,
        # ZeroDivisionError, OverflowError, MemoryError, AssertionError … No list stays complete.
        raise CorruptMediaError(
            f"The {name.upper()} file is damaged, cut off, or coded in a way that is not read."
        ) from error
