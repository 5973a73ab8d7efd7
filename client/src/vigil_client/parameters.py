"""Arguments of the clients' methods → query parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict

Query: TypeAlias = list[tuple[str, str | int | float | bool | None]]
Sampling: TypeAlias = Literal["adaptive", "every_frame", "interval", "keyframes"]


class ImageOptions(TypedDict, total=False):
    """What to ask of images; what is left out, the service chooses."""

    model: str
    labels: Sequence[str]
    """Labels to tell of; left out: all."""
    score: float
    """Threshold of ``flagged``."""
    top_k: int
    """Tell only of so many labels, the highest."""


class VideoOptions(TypedDict, total=False):
    """What to ask of a video; what is left out, the service chooses."""

    model: str
    labels: Sequence[str]
    """Labels to look for; left out: the model's flagged labels."""
    score: float
    """Threshold of the labels."""
    thresholds: Mapping[str, float]
    """Thresholds of single labels; they win over ``score``."""
    sampling: Sampling
    max_gap_seconds: float
    interval_seconds: float
    edge_seconds: float
    start_seconds: float
    end_seconds: float
    min_segment_seconds: float
    merge_gap_seconds: float
    stop_on_first: bool
    include: Sequence[Literal["scores", "sheet"]]
    blur: bool
    """Of the contact sheet's pictures."""


def image_query(options: ImageOptions) -> Query:
    """Query parameters of ``/v1/images``."""
    query = _common(options.get("model"), options.get("labels"), options.get("score"))
    if "top_k" in options:
        query.append(("top_k", options["top_k"]))
    return query


def video_query(options: VideoOptions) -> Query:
    """Query parameters of ``/v1/videos``."""
    query = _common(options.get("model"), options.get("labels"), options.get("score"))
    for name, value in options.items():
        match value:
            case str() | bool() | int() | float() if name not in ("model", "score"):
                query.append((name, value))
    query += [("threshold", f"{label}:{x}") for label, x in options.get("thresholds", {}).items()]
    query += [("include", part) for part in options.get("include", ())]
    return query


def _common(model: str | None, labels: Sequence[str] | None, score: float | None) -> Query:
    if isinstance(labels, str):
        raise TypeError("labels takes several labels, not a string: ['nsfw']")
    query: Query = []
    if model is not None:
        query.append(("model_name", model))
    if score is not None:
        query.append(("score", score))
    return query + [("labels", label) for label in labels or ()]
