"""What the parts of a run share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import File
from benchmarks.video.clips import Clip
from benchmarks.video.results import ClipFacts, Results
from benchmarks.video.service import video_file
from benchmarks.video.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the suite.

    Args:
        workspace: Clips and models.
        results: Filled by the parts.
        say: Told about the progress.
    """

    workspace: Workspace
    results: Results
    say: Callable[[str], None]

    @property
    def repeats(self) -> int:
        """How often everything is measured."""
        return self.results.settings.repeats

    @property
    def is_quick(self) -> bool:
        """Whether this is a smoke test."""
        return self.results.settings.quick

    def path(self, clip: Clip) -> Path:
        """A clip's file, whose facts go to the results."""
        path = self.workspace.clip(clip)
        if clip.name not in self.results.clips:
            made = self.workspace.measured(clip)
            data = path.read_bytes()
            self.results.clips[clip.name] = ClipFacts(
                bytes=len(data),
                seconds=made.frames / made.fps,
                frames=made.frames,
                width=made.width,
                height=made.height,
                gop=made.gop,
                sha256=hashlib.sha256(data).hexdigest(),
            )
        return path

    def file(self, clip: Clip) -> File:
        """A clip, ready to be sent."""
        return video_file(self.path(clip))
