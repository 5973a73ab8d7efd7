"""Shape of the answer of ``/v1/videos``, and examples of it, for the OpenAPI document."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from serve_app.schemas import ImageMedia, Json, ModelName, Shape


class VideoMedia(Shape):
    """What the file is."""

    type: Literal["video"]
    container: str
    codec: str
    width: int = Field(description="Pixels, after rotation.")
    height: int = Field(description="Pixels, after rotation.")
    rotation: int = Field(description="Clockwise degrees that were applied: 0, 90, 180, 270.")
    duration_seconds: float
    frames: int
    frame_rate: float = Field(description="Mean frames per second.")


class MomentShape(Shape):
    """One frame."""

    frame: int = Field(ge=1, description="Counted from 1, of animated images too.")
    time_seconds: float = Field(ge=0, description="From the first frame's presentation on.")


class VideoLabel(Shape):
    """One label over the whole range."""

    label: str
    max_score: float = Field(ge=0, le=1)
    first: MomentShape | None = Field(
        description="The first look at or over the threshold; null where there is none."
    )
    peak: MomentShape


class SegmentShape(Shape):
    """A stretch in which one label is seen."""

    label: str
    start_seconds: float = Field(description="When its first frame appears.")
    end_seconds: float = Field(description="When its last frame ceases to be shown.")
    start_frame: int = Field(ge=1)
    end_frame: int = Field(ge=1, description="The last frame, itself within the segment.")
    peak_score: float = Field(ge=0, le=1)
    peak_seconds: float


class CoverageShape(Shape):
    """How closely the range was looked at."""

    sampling: str
    frames_decoded: int
    frames_classified: int
    frames_reused: int = Field(
        description="Looks that took over the score of a frame that looks the same."
    )
    frames_failed: int
    largest_gap_seconds: float
    complete: bool = Field(description="False where it ended with the first hit, or looks failed.")


class Policy(Shape):
    """What was asked, as it was understood; only the settings that concern the sampling."""

    sampling: str
    max_gap_seconds: float | None = None
    interval_seconds: float | None = None
    edge_seconds: float | None = None
    thresholds: dict[str, float]
    min_segment_seconds: float
    merge_gap_seconds: float


class Series(Shape):
    """Every look, by columns of equal length."""

    frame: list[int]
    time_seconds: list[float]
    reused: list[bool]
    scores: dict[str, list[float]] = Field(description="One column for each label.")


class Sheet(Shape):
    """A contact sheet of the peaks."""

    media_type: Literal["image/jpeg"]
    base64: str


class VideoAnswer(Shape):
    """Answer of ``/v1/videos``."""

    model: ModelName
    flagged: bool | None = Field(
        description="Whether any of the model's flagged labels has a segment; null where the model "
        "has no flagged labels."
    )
    media: VideoMedia | ImageMedia
    labels: list[VideoLabel] = Field(description="In the order asked.")
    segments: list[SegmentShape] = Field(description="By their start.")
    coverage: CoverageShape
    policy: Policy
    series: Series | None = Field(default=None, description="With `include=scores`.")
    sheet: Sheet | None = Field(
        default=None, description="With `include=sheet`; null where there is nothing to show."
    )


EXAMPLE: dict[str, Json] = {
    "model": {
        "name": "Falconsai/nsfw_image_detection",
        "revision": "main",
        "flagged_labels": ["nsfw"],
    },
    "flagged": True,
    "media": {
        "type": "video",
        "container": "mp4",
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "rotation": 0,
        "duration_seconds": 60.0,
        "frames": 1800,
        "frame_rate": 30.0,
    },
    "labels": [
        {
            "label": "nsfw",
            "max_score": 0.99,
            "first": {"frame": 601, "time_seconds": 20.0},
            "peak": {"frame": 777, "time_seconds": 25.867},
        }
    ],
    "segments": [
        {
            "label": "nsfw",
            "start_seconds": 20.0,
            "end_seconds": 40.0,
            "start_frame": 601,
            "end_frame": 1200,
            "peak_score": 0.99,
            "peak_seconds": 25.867,
        }
    ],
    "coverage": {
        "sampling": "adaptive",
        "frames_decoded": 300,
        "frames_classified": 84,
        "frames_reused": 60,
        "frames_failed": 0,
        "largest_gap_seconds": 1.0,
        "complete": True,
    },
    "policy": {
        "sampling": "adaptive",
        "max_gap_seconds": 1.0,
        "edge_seconds": 0.1,
        "thresholds": {"nsfw": 0.7},
        "min_segment_seconds": 0.0,
        "merge_gap_seconds": 0.0,
    },
}

_EVENTS: list[Json] = [
    {"event": "progress", "time_seconds": 12.5, "fraction": 0.21},
    {"event": "finding", "label": "nsfw", "frame": 606, "time_seconds": 20.17, "score": 0.94},
    {"event": "result", **EXAMPLE},
]
STREAM_EXAMPLE = "".join(json.dumps(event) + "\n" for event in _EVENTS)
