"""Shapes of the answers and examples of them, for the OpenAPI document.

Answers are built as plain lists and dicts and go to JSON directly: validating thousands of scores
against these models would cost more than classifying them. The tests validate every answer against
them instead.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class Shape(BaseModel):
    """Base of every shape: an answer has the documented members and no others."""

    model_config = ConfigDict(extra="forbid")


class LabelScoreShape(Shape):
    """A label and its score."""

    label: str
    score: float = Field(ge=0, le=1)


class FindingShape(Shape):
    """The first frame in which a label reached the threshold."""

    frame: int = Field(description="Animated images count from 0, videos from 1.")
    label: str
    score: float = Field(ge=0, le=1)


Still: TypeAlias = list[LabelScoreShape]
Animated: TypeAlias = list[list[LabelScoreShape]]
Flat: TypeAlias = list[LabelScoreShape] | list[FindingShape]
ByModel: TypeAlias = list[dict[str, Flat]]

Classification: TypeAlias = Still | Animated
MultiClassification: TypeAlias = list[dict[str, Classification]]
Query: TypeAlias = Flat | ByModel
MultiQuery: TypeAlias = list[dict[str, Query]]
VideoFindings: TypeAlias = list[FindingShape] | list[dict[str, list[FindingShape]]]


class ErrorItem(Shape):
    """One parameter that does not parse."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """An error (RFC 9457), sent as ``application/problem+json``."""

    type: str = Field(description="What kind of problem it is, as a URI to compare with.")
    title: str
    status: int
    detail: str = Field(description="One sentence: what is wrong and what to do about it.")
    index: int | None = Field(
        default=None, description="Of several files the one that failed, counted from 0."
    )
    errors: list[ErrorItem] | None = Field(
        default=None, description="Parameters that do not parse."
    )


class ModelName(Shape):
    """The model that answered."""

    name: str
    revision: str | None
    flagged_labels: list[str] = Field(
        description="The labels that `flagged` follows: with the scores they give the verdict at "
        "any other threshold."
    )


class ImageMedia(Shape):
    """What the file is."""

    type: Literal["image", "animation"]
    format: str
    width: int
    height: int
    frames: int
    duration_seconds: float | None = Field(
        default=None,
        description="Animations: the sum of the frames' display times, where it has any.",
    )


class FrameScores(Shape):
    """One frame of an animation."""

    frame: int = Field(description="Counted from 0.")
    time_seconds: float
    labels: list[LabelScoreShape]


class ImageResult(Shape):
    """One file of a ``/v1/images`` request: either scores or a problem."""

    index: int
    filename: str
    flagged: bool | None = Field(
        default=None,
        description="Whether any of the model's flagged labels is at or over the threshold, in "
        "any frame; null where the model has no flagged labels.",
    )
    media: ImageMedia | None = None
    labels: list[LabelScoreShape] | None = Field(
        default=None, description="By falling score; an animation's is the highest over its frames."
    )
    frames: list[FrameScores] | None = Field(default=None, description="Animations only.")
    problem: Problem | None = None


class ImagesAnswer(Shape):
    """Answer of ``/v1/images``."""

    model: ModelName
    results: list[ImageResult]


class ModelInput(Shape):
    """Pixels that the model takes."""

    height: int
    width: int


class ModelEntry(Shape):
    """A configured model; what only the loaded model knows is null until it is ready."""

    name: str
    labels: list[str] | None
    flagged_labels: list[str] | None
    input: ModelInput | None
    revision: str | None
    state: Literal["ready", "starting", "unavailable"]
    detail: str | None = Field(default=None, description="Why it is unavailable, in a sentence.")
    demonstration: bool | None = Field(
        description="True for a model that shows how the service works and does not moderate."
    )


class OnDemand(Shape):
    """Models beyond the configured ones."""

    allow: list[str] = Field(description="Patterns of the hub ids that may be named.")


class ModelsAnswer(Shape):
    """Answer of ``/v1/models``."""

    default: str
    default_score: float = Field(
        ge=0, le=1, description="The threshold of requests that give no `score`."
    )
    models: list[ModelEntry]
    on_demand: OnDemand


class LimitsAnswer(Shape):
    """Answer of ``/v1/limits``: what is refused for its size."""

    max_image_bytes: int
    max_video_bytes: int
    max_pixels: int
    max_animation_frames: int
    max_animation_pixels: int = Field(description="Of all frames or pages together.")
    max_video_frames: int
    max_video_seconds: float
    max_request_bytes: int
    max_files_per_request: int
    request_timeout_seconds: float = Field(description="For one request, its upload included.")


class StatusAnswer(Shape):
    """Answer of the health routes."""

    status: Literal["alive", "ready"]


class ServiceAnswer(Shape):
    """Answer of ``/``."""

    service: str
    version: str
    docs: str
