"""What a run needs on the disk: clips and checkpoints. Made once, kept between runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.model_kind import ModelKind
from benchmarks.video import clips
from benchmarks.video.clips import Clip

_MODEL_RECIPE = "2"
"""Part of the names: count it up when a model's recipe changes."""


class Workspace:
    """A directory that can be thrown away at any time.

    Args:
        directory: Where things lie.
        quick: Give the short form of every clip.
        say: Told what is made.
    """

    def __init__(self, directory: Path, quick: bool, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._quick = quick
        self._say = say
        directory.mkdir(parents=True, exist_ok=True)

    def measured(self, clip: Clip) -> Clip:
        """The clip itself, or its short form in a smoke test."""
        return clip.short if self._quick else clip

    def clip(self, clip: Clip) -> Path:
        """A clip's file, made if need be."""
        clip = self.measured(clip)
        place = self._directory / f"{clip.name}-{clips.RECIPE}.mp4"
        if not place.exists():
            self._say(f"  making {place.name}")
            unfinished = place.with_suffix(".unfinished")
            unfinished.write_bytes(clips.make(clip))
            unfinished.rename(place)
        return place

    def checkpoint(self, kind: ModelKind) -> Path:
        """The model's directory, made if need be."""
        place = self._directory / f"video-{kind.checkpoint}-{_MODEL_RECIPE}"
        if not place.exists():
            self._say(f"  making {place.name}")
            unfinished = place.with_suffix(".unfinished")
            # torch stays out of this process, which holds the client.
            subprocess.run(
                [sys.executable, "-m", "benchmarks.video.models", kind.checkpoint, str(unfinished)],
                cwd=ROOT,
                check=True,
            )
            unfinished.rename(place)
        return place

    def folder(self, name: str) -> Path:
        """A folder for many small files."""
        place = self._directory / name
        place.mkdir(exist_ok=True)
        return place

    def log(self, name: str) -> Path:
        """Where a server's output goes."""
        logs = self._directory / "logs"
        logs.mkdir(exist_ok=True)
        return logs / f"{name}.log"
