"""What decoding a video looks like to those who want its frames, wherever it happens."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.types import Frame, VideoFacts
from deployments.video.sampling.decode_plan import Run
from deployments.video.sampling.frame_table import FrameTable


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that was looked at."""

    position: int
    """In presentation order, counted from 0."""
    source: int
    """Position of the frame whose score stands for this one; its own where it is to be scored."""
    seconds: float
    """Presentation time, from the video's first frame."""
    pixels: Frame | None
    """Upright RGB, only until the next one is drawn; None where the score is that of ``source``."""


class VideoReader(Protocol):
    """One open video. Implementations: `LocalReader`, `DecoderProcess`.

    Its methods block and are not for two threads at once; an iterator is closed before the next.
    """

    @property
    def facts(self) -> VideoFacts:
        """What the video is."""
        ...

    @property
    def table(self) -> FrameTable:
        """The video's frames."""
        ...

    @property
    def decoded(self) -> int:
        """Frames that were decoded so far."""
        ...

    def read(self, runs: Sequence[Run], follow: range | None = None) -> Generator[Seen, None, None]:
        """The frames wanted, and no packet decoded that none of them needs.

        Those of each run come in presentation order.

        Args:
            runs: Ascending, without overlap.
            follow: Positions whose pictures are compared on the way: a look that shows what an
                earlier one showed comes without pixels (`ReuseGate`), and frames that begin a new
                shot come though they were not asked for (`CutDetector`). None: nothing of that.

        Raises:
            CorruptMediaError: A part of the video that had to be decoded cannot be.
            MediaTooLargeError: A frame is larger than the limit.
        """
        ...

    def read_all(self, stride: int) -> Generator[Seen, None, None]:
        """Frames 0, k, 2k … as the decoder counts them; all are decoded, and damage is found.

        Args:
            stride: k ≥ 1.

        Raises:
            CorruptMediaError, MediaTooLargeError: As `read`.
        """
        ...
