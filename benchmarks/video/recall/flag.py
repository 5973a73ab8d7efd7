"""The flag that is hidden in clips, and a classifier that sees nothing else.

A model that costs nothing and is never wrong: what is missed then was not looked at.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.video.scenes import Pixels
from deployments.classifier.protocol import ModelStatus
from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores

Shape = Literal["cut", "patch", "tint", "speck"]
"""The whole picture is another one; an eighth of it; its colours alone; a 256th of it."""

MODEL = ModelInfo(
    name="flag",
    revision=None,
    labels=("normal", "nsfw"),
    flagged_labels=("nsfw",),
    input=InputSpec(FitMode.STRETCH, height=64, width=64),
    max_batch_size=32,
)

_MAGENTA = 30.0
"""Grey levels by which red and blue exceed green in a flagged pixel; in others green exceeds."""
_FULL_SHARE = 0.002
"""Share of flagged pixels from which on a frame has the score 1."""
_SIDES = {"patch": 2.83, "speck": 16.0}


def background(grey: npt.NDArray[np.uint8]) -> Pixels:
    """A picture ``[H, W, 3]`` without the flag from its brightness ``[H, W]``."""
    return _coloured(grey, (0.85, 1.0, 0.9))


def flagged(picture: Pixels, other: Pixels, shape: Shape, strength: float = 1.0) -> Pixels:
    """A frame with the flag.

    Args:
        picture: The frame without it.
        other: Another picture, which a cut goes to.
        shape: See `Shape`.
        strength: 0…1, where 0 is not flagged.
    """
    if shape == "cut":
        return _mixed(picture, _magenta(other), strength)
    if shape == "tint":
        return _mixed(picture, _magenta(picture), strength)
    height, width = picture.shape[:2]
    rows, columns = round(height / _SIDES[shape]), round(width / _SIDES[shape])
    top, left = (height - rows) // 3, (width - columns) * 2 // 3
    framed = picture.copy()
    part = framed[top : top + rows, left : left + columns]
    framed[top : top + rows, left : left + columns] = _mixed(part, _magenta(part), strength)
    return framed


class FlagClassifier:
    """Implements `deployments.classifier.protocol.Classifier`: the score is how much is flagged."""

    async def info(self, model: str) -> ModelInfo:
        """See `Classifier.info`."""
        return MODEL

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        """See `Classifier.classify`."""
        return scores(frames)

    async def models(self) -> list[ModelStatus]:
        """See `Classifier.models`."""
        return [ModelStatus(MODEL.name, "ready", MODEL)]


def scores(frames: Frames) -> Scores:
    """``[N, 2]`` of frames ``[N, H, W, 3]``."""
    red, green, blue = np.moveaxis(frames.astype(np.float32), -1, 0)
    share = ((red + blue) / 2 - green > _MAGENTA).mean(axis=(1, 2))
    seen = np.minimum(share / _FULL_SHARE, 1.0)
    return np.stack([1 - seen, seen], axis=1).astype(np.float32)


def _magenta(picture: Pixels) -> Pixels:
    """The same brightness in magenta."""
    return _coloured(picture.mean(axis=2), (1.15, 0.45, 1.15))


def _coloured(grey: npt.NDArray[np.generic], gains: tuple[float, float, float]) -> Pixels:
    coloured = np.asarray(grey, np.float32)[..., None] * np.array(gains, np.float32)
    return np.clip(coloured, 0, 255).astype(np.uint8)


def _mixed(before: Pixels, after: Pixels, share: float) -> Pixels:
    if share >= 1:
        return after
    mixed = (1 - share) * before.astype(np.float32) + share * after.astype(np.float32)
    return mixed.round().astype(np.uint8)
