"""Sample files from frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image

from scripts.demo_model.canvas import Canvas

pillow_heif.register_heif_opener()

_OPTIONS: dict[str, dict[str, object]] = {
    "jpeg": {"quality": 88},
    "webp": {"quality": 80},
    "avif": {"quality": 70, "max_threads": 1},
    "heif": {"quality": 70},
    "png": {"optimize": True},
    "bmp": {},
}


def pixels(canvas: Canvas) -> npt.NDArray[np.uint8]:
    """``[H, W, 3]`` uint8 of a canvas."""
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def still(path: Path, canvas: Canvas, format_: str) -> None:
    """Write one picture in a format that Pillow knows by this name."""
    Image.fromarray(pixels(canvas)).save(path, format_, **_OPTIONS[format_])


def gif(path: Path, frames: Sequence[Canvas], milliseconds: int, colors: int = 96) -> None:
    """Write an endless animation, every frame with a palette of its own."""
    images = [Image.fromarray(pixels(f)).quantize(colors, dither=Image.Dither.NONE) for f in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=milliseconds, loop=0)


def mp4(path: Path, frames: Sequence[Canvas], frame_rate: int) -> None:
    """Write H.264, with one thread so that the bytes do not depend on timing."""
    height, width = frames[0].shape[:2]
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=frame_rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, frame_rate)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"crf": "27", "preset": "slow", "g": "75"}
        for index, canvas in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels(canvas), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
