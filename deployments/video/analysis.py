"""What a full look at a video is asked, and what comes of it while it runs and at its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from deployments.types import Buffer, ImageFacts, VideoFacts
from deployments.video.sampling.named import Sampling, SamplingSettings
from deployments.video.timeline import Coverage, LabelSummary, Segment, SegmentRules


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What one request wants to know of a video. Plain data: it crosses processes."""

    model: str
    score: float
    """Threshold of the labels that ``thresholds`` does not name, 0…1."""
    labels: tuple[str, ...] | None = None
    """None: the model's flagged labels where it has any, else all its labels."""
    thresholds: tuple[tuple[str, float], ...] = ()
    """Thresholds of single labels."""
    sampling: Sampling = Sampling.ADAPTIVE
    settings: SamplingSettings = field(default_factory=SamplingSettings)
    rules: SegmentRules = field(default_factory=SegmentRules)
    start_seconds: float | None = None
    end_seconds: float | None = None
    stop_on_first: bool = False
    """Stop once any label was found; the answer then says that it is not complete."""
    scores: bool = False
    """Add the score series."""
    sheet: bool = False
    """Add a contact sheet of the peaks."""
    blur: bool = True
    """Blur the pictures of the contact sheet."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the analysis is."""

    time_seconds: float
    """Up to where the video has been looked at."""
    fraction: float
    """0…1, of the range asked about."""


@dataclass(frozen=True, slots=True)
class LabelFound:
    """A label reached its threshold; the first news of it, not necessarily its first frame."""

    label: str
    frame: int
    """Counted from 1."""
    time_seconds: float
    score: float


@dataclass(frozen=True, slots=True)
class LookedAt:
    """One look of the score series."""

    frame: int
    """Counted from 1."""
    time_seconds: float
    scores: tuple[float, ...]
    """One for each of `Analysis.labels`, in their order."""
    reused: bool
    """The score is that of an earlier frame which looks the same."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that was found."""

    facts: VideoFacts | ImageFacts
    """`ImageFacts` of an animated image, whose frames are all looked at."""
    revision: str | None
    """Of the model."""
    flagged_labels: tuple[str, ...]
    """Of the model, whichever labels were asked for."""
    labels: tuple[LabelSummary, ...]
    segments: tuple[Segment, ...]
    coverage: Coverage
    flagged: bool | None
    """Any flagged label has a segment; None for a model without flagged labels."""
    series: tuple[LookedAt, ...] = ()
    """Empty unless asked for."""
    sheet: bytes | None = field(default=None, repr=False)
    """A JPEG file; None unless asked for, or where nothing was found."""


AnalysisEvent: TypeAlias = Progress | LabelFound | Analysis
"""What a running analysis tells; exactly one `Analysis`, the last."""


class VideoAnalyst(Protocol):
    """Analyses videos. Implementations: `VideoClient`, `LocalVideoAnalyst`, `FakeVideoAnalyst`."""

    def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """Run an analysis; closing the iterator cancels it within a second.

        Args:
            data: A whole video file.
            request: What to find.

        Raises:
            MediaError: Not a video, damaged where it was looked at, or too large.
            UnknownLabelError, InvalidParameterError: The request asks for what cannot be.
            ModelError, ServiceError: As `Classifier.classify`.
        """
        ...
