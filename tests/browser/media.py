"""Files to drop."""

from __future__ import annotations

import io
from functools import cache

import av
import numpy as np

from tests.assets.videos import Pixels, make_video
from tests.browser.playground import File
from tests.integration.service import ROOT

SAMPLES = ROOT / "examples" / "samples"


def sample(name: str) -> File:
    return name, (SAMPLES / name).read_bytes()


def corrupt() -> File:
    """A photo of which most is missing."""
    return "broken.jpg", sample("landscape.jpg")[1][:5000]


@cache
def long_video() -> File:
    """The sample video eight times over, 48 seconds: long enough to tell how it goes."""
    with av.open(io.BytesIO(sample("video.mp4")[1])) as file:
        frames = [
            frame.to_ndarray(format="rgb24", width=320, height=180)
            for frame in file.decode(video=0)
        ]

    def paint(index: int, height: int, width: int) -> Pixels:
        return np.ascontiguousarray(frames[index % len(frames)])

    content = make_video(paint=paint, frames=8 * len(frames), fps=30, width=320, height=180, gop=30)
    return "long.mp4", content
