"""Clips made to slip between looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.video.recall.clips import HEIGHT, WIDTH, Background, painter
from benchmarks.video.recall.flag import Shape
from tests.assets.videos import make_video

FPS = 30
_SINGLE = 100_000


@dataclass(frozen=True, slots=True)
class HostileClip:
    """One clip, 40 s at 30 frames a second."""

    name: str
    strength: Callable[[int], float]
    """Of the flag in a frame, 0…1."""
    gop: int = 60
    b_frames: int = 2
    shape: Shape = "cut"
    background: Background = "pan"
    codec: str = "h264"
    seconds: int = 40
    must_be_found: bool = True
    encoder: dict[str, str] = field(
        default_factory=lambda: {"preset": "veryfast", "sc_threshold": "0"}
    )

    def encode(self) -> bytes:
        """Make its file."""
        return make_video(
            "mov" if self.codec == "mjpeg" else "mp4",
            self.codec,
            paint=painter(self.background, 1, FPS, self.shape, self.strength),
            frames=self.seconds * FPS,
            fps=FPS,
            width=WIDTH,
            height=HEIGHT,
            gop=self.gop,
            b_frames=self.b_frames,
            encoder_options=self.encoder if self.codec == "h264" else {},
        )


def _between(start: float, end: float) -> Callable[[int], float]:
    return lambda index: float(start <= index / FPS < end)


def _frame(number: int) -> Callable[[int], float]:
    return lambda index: float(index == number)


def _one_in(count: int) -> Callable[[int], float]:
    return lambda index: float(index % count == count // 2)


def _every(period: float, start: float, seconds: float) -> Callable[[int], float]:
    return lambda index: float(start <= index / FPS % period < start + seconds)


CLIPS = (
    HostileClip("flagged but for every keyframe", lambda index: float(index % 30 != 0), gop=30),
    HostileClip("two thirds of each group, none at its keyframe", _every(2, 0.4, 1.3)),
    HostileClip("one stretch of a gap between two keyframes", _between(20.4, 21.5)),
    HostileClip("one stretch of a gap in a single group", _between(23.4, 24.5), gop=_SINGLE),
    HostileClip("the same, by its colours alone", _between(23.4, 24.5), gop=_SINGLE, shape="tint"),
    *(HostileClip(f"one frame in {count}", _one_in(count)) for count in (2, 5, 10, 30, 47, 100)),
    HostileClip(
        "slow drift over 40 s",
        lambda index: index / (40 * FPS),
        shape="tint",
        background="still",
    ),
    HostileClip(
        "a 256th of the picture for 2 s", _between(20.2, 22.2), shape="speck", background="still"
    ),
    HostileClip("flashes longer than the gap", _every(10, 5.5, 1.1)),
    HostileClip("fade in and out within 1.5 s", lambda index: _ramp(index / FPS - 20.3)),
    HostileClip("0.6 s where packets tell nothing", _between(20.2, 20.8), codec="mjpeg"),
    HostileClip("one frame, once", _frame(608), must_be_found=False),
    HostileClip(
        "one frame, once, among cuts",
        _frame(608),
        background="edited",
        must_be_found=False,
    ),
)


def _ramp(seconds: float) -> float:
    """Up within 0.25 s, on for a second, down within 0.25 s."""
    return max(0.0, min(1.0, seconds / 0.25, (1.5 - seconds) / 0.25))
