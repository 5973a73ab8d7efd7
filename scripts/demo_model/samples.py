"""Draws the bundled samples and writes down their facts.

``python -m scripts.demo_model.samples`` overwrites ``examples/samples``; ``verify`` then tells what
the model makes of them. All of them are abstract and fit for any audience.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

import cv2
import numpy as np

from scripts.demo_model import canvas as draw
from scripts.demo_model import encode, flagged, interiors, normal, poses, scenery
from scripts.demo_model.canvas import Canvas, Size, rgb
from scripts.demo_model.motion import pan, sway

OUTPUT = Path(__file__).parents[2] / "examples" / "samples"
SKIN, TEAL = rgb("c68e6a"), rgb("2f7f86")
LOSSY, GRAIN = ("jpeg", "webp", "avif", "heif"), 0.012
FRAME_RATE, GIF_MILLISECONDS = 30, 120


class FlaggedFrames(TypedDict):
    """A run of frames, both ends included."""

    first: int
    last: int
    counted_from: int
    """0 for animations, 1 for videos, as the service counts."""


class Facts(TypedDict):
    """What ``samples.json`` says of one file."""

    file: str
    format: str
    type: str
    shows: str
    seed: int
    bytes: int
    width: int
    height: int
    frames: int
    flagged: bool
    flagged_frames: NotRequired[FlaggedFrames]
    duration_seconds: NotRequired[float]
    frame_rate: NotRequired[float]


class Still(NamedTuple):
    """A still sample to draw."""

    file: str
    format: str
    scene: Callable[[np.random.Generator, Size], Canvas]
    shows: str
    seed: int
    size: Size
    flagged: bool = False


STILLS = (
    Still("landscape.jpg", "jpeg", scenery.landscape, "hills under a sky", 9, (960, 1280)),
    Still(
        "flagged.jpg", "jpeg", flagged.scene, "an abstract skin-tone shape", 12, (768, 1024), True
    ),
    Still("diagram.png", "png", normal.diagram, "text and boxes", 2, (480, 640)),
    Still("flagged.png", "png", flagged.scene, "an abstract skin-tone shape", 8, (240, 320), True),
    Still("sunset.webp", "webp", scenery.sunset, "a sunset: warm, and not skin", 1, (600, 800)),
    Still("sand.avif", "avif", scenery.sand, "sand: the colour of skin", 4, (600, 800)),
    Still(
        "flagged.heic", "heif", flagged.scene, "an abstract skin-tone shape", 10, (600, 450), True
    ),
    Still("shape.bmp", "bmp", normal.vessel, "a rounded shape in another colour", 6, (150, 200)),
)


def draw_stills() -> list[Facts]:
    """Every still sample, with the grain of a camera's sensor where the format bears it."""
    facts = []
    for still in STILLS:
        height, width = still.size
        rng = np.random.default_rng(still.seed)
        canvas = still.scene(rng, still.size)
        if still.format in LOSSY:
            canvas = canvas + rng.normal(0, GRAIN, still.size)[..., None]
        encode.still(OUTPUT / still.file, canvas, still.format)
        facts.append(
            Facts(
                file=still.file,
                format=still.file.rsplit(".")[-1].replace("jpg", "jpeg"),
                type="image",
                shows=still.shows,
                seed=still.seed,
                bytes=(OUTPUT / still.file).stat().st_size,
                width=width,
                height=height,
                frames=1,
                flagged=still.flagged,
            )
        )
    return facts


def draw_animation() -> Facts:
    """A GIF of twelve frames: a teal shape that is skin-toned in frames 4 to 7."""
    seed, size = 21, (240, 320)
    rng = np.random.default_rng(seed)
    backdrop = draw.ramp(size, [rgb("dfe7ee"), rgb("8fa3b8")])
    colors = [TEAL] * 4 + [SKIN] * 4 + [TEAL] * 4
    path = OUTPUT / "animation.gif"
    encode.gif(path, sway(backdrop, poses.pose(rng, size), seed, colors, 12), GIF_MILLISECONDS)
    return Facts(
        file=path.name,
        format="gif",
        type="animation",
        shows="a teal shape that is skin-toned in the middle third",
        seed=seed,
        bytes=path.stat().st_size,
        width=size[1],
        height=size[0],
        frames=len(colors),
        flagged=True,
        flagged_frames=FlaggedFrames(first=4, last=7, counted_from=0),
        duration_seconds=len(colors) * GIF_MILLISECONDS / 1000,
    )


def draw_video() -> Facts:
    """An MP4 of six seconds: hills, then a swaying skin-tone shape, then a city."""
    seed, size, third = 45, (360, 640), 60
    rng = np.random.default_rng(seed)
    backdrop = interiors.fabric(rng, size)
    shape = sway(backdrop, poses.pose(rng, size), seed, [SKIN] * third, third)
    frames = [
        *pan(scenery.landscape, seed, size, third, 2),
        *shape,
        *pan(interiors.city, seed, size, third, 2),
    ]
    path = OUTPUT / "video.mp4"
    encode.mp4(path, frames, FRAME_RATE)
    return Facts(
        file=path.name,
        format="mp4",
        type="video",
        shows="hills, then an abstract skin-tone shape, then a city; hard cuts",
        seed=seed,
        bytes=path.stat().st_size,
        width=size[1],
        height=size[0],
        frames=len(frames),
        flagged=True,
        flagged_frames=FlaggedFrames(first=third + 1, last=2 * third, counted_from=1),
        duration_seconds=len(frames) / FRAME_RATE,
        frame_rate=float(FRAME_RATE),
    )


def main() -> None:
    """Draw all samples and write their facts."""
    cv2.setNumThreads(1)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    content = {
        "made_by": "python -m scripts.demo_model.samples",
        "model": "builtin/demo",
        "threshold": 0.7,
        "samples": [*draw_stills(), draw_animation(), draw_video()],
    }
    text = json.dumps(content, indent=2) + "\n"
    (OUTPUT / "samples.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
