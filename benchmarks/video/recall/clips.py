"""Hundreds of small clips, each with one flagged interval; everything follows from the seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from benchmarks.pictures import photograph
from benchmarks.video.recall import flag
from benchmarks.video.recall.flag import Shape
from benchmarks.video.scenes import Painter, Pixels
from tests.assets.videos import B_FRAME_CODECS, make_video

RECIPE = "1"
"""Part of the folder's name: count it up when a recipe changes."""

BINS_SECONDS = (0.05, 0.125, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0)
"""Edges of the classes of lengths; the default gap is 1 s, and its half an edge too."""
WIDTH, HEIGHT = 160, 96

_SINGLE = 100_000
_GOPS = (12, 25, 30, 60, 120, 250, _SINGLE)
_CODECS = (
    *[("mp4", "h264")] * 8,
    *[("mkv", "h264"), ("ts", "h264"), ("mp4", "hevc"), ("mkv", "vp9"), ("webm", "vp8")],
    *[("mp4", "av1"), ("mp4", "mpeg4"), ("ts", "mpeg2video"), ("mov", "mjpeg")],
)
_VARIABLE_RATE = frozenset({"mp4", "mkv"})
_ROTATED = frozenset({"mp4", "mov"})
_MARGIN_SECONDS = 6.0
_REST_FRAMES = 12
_X264: Sequence[Mapping[str, str]] = (
    {},
    {"preset": "veryfast"},
    {"preset": "veryfast", "sc_threshold": "0"},
)
"""``ultrafast`` knows no scene cuts; ``veryfast`` puts a keyframe there unless told not to."""

Background = Literal["still", "pan", "shaking", "edited"]


@dataclass(frozen=True)
class RecallClip:
    """One clip: how it is made, and where it is flagged."""

    seed: int
    container: str
    codec: str
    gop: int
    b_frames: int
    encoder: int
    """Which of `_X264`."""
    fps: int
    variable_rate: bool
    rotation: int
    background: Background
    shape: Shape
    seconds: float
    first: int
    """First frame that is painted flagged; `benchmarks.video.recall.truth` says which show it."""
    end: int
    """First frame that is not flagged any more."""

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.seed:04}-{self.codec}.{self.container}"

    @cached_property
    def times(self) -> Sequence[float]:
        """Presentation time of every frame."""
        frames = round(self.seconds * self.fps)
        if not self.variable_rate:
            return [index / self.fps for index in range(frames)]
        rng = np.random.default_rng([self.seed, 1])
        steps = rng.uniform(0.4, 1.6, frames) / self.fps
        return [round(float(t), 3) for t in np.concatenate(([0.0], np.cumsum(steps[:-1])))]


def specify(seed: int, length_seconds: float) -> RecallClip:
    """A clip with a flagged interval of about a length, at a random place."""
    rng = np.random.default_rng([seed, 0])

    def pick(choices: Sequence[object]) -> int:
        return int(rng.integers(len(choices)))

    container, codec = _CODECS[pick(_CODECS)]
    fps = (24, 25, 30)[pick("123")]
    frames = max(1, round(length_seconds * fps))
    seconds = length_seconds + _MARGIN_SECONDS
    # It ends well before the clip does: how long a last frame lasts is told differently.
    first = int(rng.integers(0, round(seconds * fps) - frames - _REST_FRAMES))
    backgrounds: Sequence[Background] = ("still", "pan", "shaking", "edited")
    shapes: Sequence[Shape] = ("cut", "cut", "patch", "tint")
    return RecallClip(
        seed=seed,
        container=container,
        codec=codec,
        gop=_GOPS[pick(_GOPS)],
        b_frames=(0, 2, 3)[pick("123")] if codec in B_FRAME_CODECS else 0,
        encoder=pick(_X264) if codec == "h264" else 0,
        fps=fps,
        variable_rate=container in _VARIABLE_RATE and codec != "mpeg4" and rng.random() < 0.25,
        rotation=(0, 90, 180, 270)[pick("1234")]
        if container in _ROTATED and rng.random() < 0.3
        else 0,
        background=backgrounds[pick(backgrounds)],
        shape=shapes[pick(shapes)],
        seconds=seconds,
        first=first,
        end=first + frames,
    )


def survey(per_bin: int) -> list[RecallClip]:
    """Clips with as many intervals of every class of lengths, spread evenly on a log scale."""
    clips = []
    for number, (low, high) in enumerate(pairwise(BINS_SECONDS)):
        for index in range(per_bin):
            seed = 1000 * number + index
            share = float(np.random.default_rng([seed, 2]).random())
            clips.append(specify(seed, low * (high / low) ** share))
    return clips


def encode(clip: RecallClip) -> bytes:
    """Make a clip's file."""
    return make_video(
        clip.container,
        clip.codec,
        paint=painter(clip.background, clip.seed, clip.fps, clip.shape, _is_flagged(clip)),
        frames=len(clip.times),
        fps=clip.fps,
        width=WIDTH,
        height=HEIGHT,
        gop=clip.gop,
        b_frames=clip.b_frames,
        times=clip.times if clip.variable_rate else None,
        rotation=clip.rotation,
        encoder_options=_X264[clip.encoder],
    )


def painter(
    kind: Background, seed: int, fps: int, shape: Shape, strength: Callable[[int], float]
) -> Painter:
    """Paints a background with the flag on it.

    Args:
        kind: What the camera does; ``edited`` goes to another picture every two to six seconds.
        seed: Of everything that is random.
        fps: Frames per second.
        shape: Of the flag.
        strength: Of the flag in a frame, 0…1.
    """
    rng = np.random.default_rng([seed, 3])
    size = (WIDTH * 3 // 2, HEIGHT * 3 // 2)
    pictures = [
        flag.background(np.asarray(photograph(size, 10_000 + seed * 7 + i).convert("L")))
        for i in range(4)
    ]
    cuts = np.cumsum(rng.uniform(2 * fps, 6 * fps, 100)).astype(int)

    def crop(picture: Pixels, top: int, left: int) -> Pixels:
        return picture[top : top + HEIGHT, left : left + WIDTH]

    def paint(index: int, height: int, width: int) -> Pixels:
        top, left = _place(kind, seed, index, size[1] - height, size[0] - width)
        scene = int(np.searchsorted(cuts, index, "right")) if kind == "edited" else 0
        frame = np.ascontiguousarray(crop(pictures[scene % 3], top, left))
        share = strength(index)
        return flag.flagged(frame, crop(pictures[3], top, left), shape, share) if share else frame

    return paint


def _is_flagged(clip: RecallClip) -> Callable[[int], float]:
    return lambda index: float(clip.first <= index < clip.end)


def _place(kind: Background, seed: int, index: int, rows: int, columns: int) -> tuple[int, int]:
    if kind == "pan":
        at = index % (2 * columns)
        return rows // 2, min(at, 2 * columns - at)
    if kind == "shaking":
        jitter = np.random.default_rng([seed, 4, index]).integers(-2, 3, 2)
        return rows // 2 + int(jitter[0]), columns // 2 + int(jitter[1])
    return rows // 2, columns // 2
