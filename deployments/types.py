"""The domain's words: what crosses the boundary between two modules or two processes.

Only plain data: uint8 frames, float32 scores, small frozen dataclasses. Never a request, a PIL
image, a path to a temporary file, or a torch tensor.

Arrays
    ``Frame``   ``[H, W, 3]`` uint8, RGB, upright (orientation applied), C-contiguous.
    ``Frames``  ``[N, H, W, 3]`` uint8, the same, N ≥ 1.
    ``Scores``  ``[N, L]`` float32, one row a frame, one column a label in class-index order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Frame: TypeAlias = npt.NDArray[np.uint8]
Frames: TypeAlias = npt.NDArray[np.uint8]
Scores: TypeAlias = npt.NDArray[np.float32]

Buffer: TypeAlias = bytes | bytearray | memoryview


class Resample(StrEnum):
    """Resampling filters, by Pillow's names."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    HAMMING = "hamming"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


class FitMode(StrEnum):
    """How a frame is brought to the size that a model takes."""

    STRETCH = "stretch"
    """To exactly ``resize_height`` × ``resize_width``; the aspect ratio is not kept."""
    SHORTEST_EDGE = "shortest_edge"
    """The shorter side to ``shortest_edge``; the aspect ratio is kept."""
    NONE = "none"
    """No resizing, only the crop where there is one."""
    WHOLE = "whole"
    """The processor is not one that we know exactly: frames travel at their own size and the
    model's own Hugging Face processor runs whole in the replica."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How frames are fit for a model, at the caller, before they are sent."""

    mode: FitMode
    height: int
    """Height of a fitted frame in pixels (nominal where the mode is ``WHOLE``)."""
    width: int
    """Width of a fitted frame in pixels (nominal where the mode is ``WHOLE``)."""
    resample: Resample = Resample.BILINEAR
    resize_height: int | None = None
    """``STRETCH``: height after resizing, before the crop."""
    resize_width: int | None = None
    """``STRETCH``: width after resizing, before the crop."""
    shortest_edge: int | None = None
    """``SHORTEST_EDGE``: length of the shorter side after resizing, before the crop."""
    crop: bool = False
    """Centre-crop to ``height`` × ``width`` after resizing, padding with black where smaller."""
    exact: bool = False
    """Resize with Pillow, bit for bit as the processor does, rather than with the faster kernel."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a client may know of a model that is loaded."""

    name: str
    """What clients send as ``model_name``."""
    revision: str | None
    labels: tuple[str, ...]
    """In class-index order: column i of ``Scores`` is ``labels[i]``."""
    flagged_labels: tuple[str, ...]
    """The labels that make media flagged; may be empty."""
    input: InputSpec
    max_batch_size: int
    """Frames that one forward pass takes at most."""
    demonstration: bool = False
    """True for a model that shows how the service works and does not moderate."""
    parallel_batches: int = 1
    """Forward passes that one replica takes at a time."""
    worthwhile_batch_size: int | None = None
    """Frames from which on a larger batch gains nothing; None: ``max_batch_size`` is worth it."""

    @property
    def batch_size(self) -> int:
        """Frames that are batched at most: more would only keep those that come next waiting."""
        return min(self.max_batch_size, self.worthwhile_batch_size or self.max_batch_size)


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label's score of one frame."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """One decoded frame and its place in the media."""

    index: int
    """Position in presentation order, counted from 0."""
    pts_seconds: float
    """Presentation time, from the media's first frame."""
    pixels: Frame

    def __repr__(self) -> str:
        return f"TimedFrame({self.index}, {self.pts_seconds:.3f} s, {self.pixels.shape})"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of a still image or an animation."""

    type: Literal["image", "animation"]
    format: str
    """Lower-case name: ``jpeg``, ``png``, ``gif``, ``webp``, ``avif``, ``heic``, ``tiff`` …"""
    width: int
    """Pixels, after orientation."""
    height: int
    """Pixels, after orientation."""
    frames: int
    duration_seconds: float | None = None
    """Animations: the sum of the frames' display times; None where the format has none."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a video from its packets, before any frame is decoded."""

    container: str
    """Lower-case name: ``mp4``, ``mov``, ``webm``, ``mkv``, ``avi``, ``ts``, ``flv``, ``ogg``."""
    codec: str
    """FFmpeg's codec name: ``h264``, ``hevc``, ``vp8``, ``vp9``, ``av1``, ``mpeg4`` …"""
    width: int
    """Pixels, after rotation."""
    height: int
    """Pixels, after rotation."""
    rotation: int
    """Clockwise degrees that were applied to show the frames upright: 0, 90, 180, 270."""
    duration_seconds: float
    """From the first frame's presentation to the end of the last one's."""
    frames: int
    """Video packets that carry a frame to show."""
    frame_rate: float
    """Mean frames per second: ``frames / duration_seconds``."""
