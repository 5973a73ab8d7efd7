"""The service's answers, typed. Members that a newer service adds are kept and left untyped."""

from __future__ import annotations

import base64
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

from vigil_client.errors import AnswerError, error_class

_URN = "urn:vigil:problem:"


class Answer(BaseModel):
    """Base of every shape: immutable, and open to members that come later."""

    model_config = ConfigDict(frozen=True, extra="allow")


class LabelScore(Answer):
    """A label and its score, 0…1."""

    label: str
    score: float


class Problem(Answer):
    """Why something was not done (RFC 9457)."""

    type: str = "about:blank"
    title: str = ""
    status: int
    detail: str = ""

    @property
    def code(self) -> str:
        """What kind of problem it is, such as ``corrupt-media``; empty where it has no kind."""
        return self.type.removeprefix(_URN) if self.type.startswith(_URN) else ""

    def error(
        self, request_id: str | None = None, retry_after_seconds: float | None = None
    ) -> AnswerError:
        """The exception that this problem is raised as."""
        return error_class(self.code, self.status)(
            self.detail or self.title or f"HTTP status {self.status}.",
            status=self.status,
            code=self.code,
            request_id=request_id,
            retry_after_seconds=retry_after_seconds,
        )


class ModelUsed(Answer):
    """The model that answered."""

    name: str
    revision: str | None = None
    flagged_labels: tuple[str, ...] = ()
    """The labels that ``flagged`` follows."""


class ImageMedia(Answer):
    """What an image file is. Width and height in pixels."""

    type: Literal["image", "animation"]
    format: str
    width: int
    height: int
    frames: int
    duration_seconds: float | None = None


class FrameScores(Answer):
    """One frame of an animation, counted from 0."""

    frame: int
    time_seconds: float
    labels: tuple[LabelScore, ...]


class ImageResult(Answer):
    """One image that was classified."""

    index: int
    filename: str
    flagged: bool | None
    """Whether a flagged label is at or over the threshold, in any frame. None: the model has no
    flagged labels, and so has said nothing about it; to fail closed, test ``is not False``."""
    media: ImageMedia
    labels: tuple[LabelScore, ...]
    """By falling score; of an animation the highest over its frames."""
    frames: tuple[FrameScores, ...] | None = None
    """Of animations."""

    def score(self, label: str) -> float:
        """Score of one label.

        Raises:
            KeyError: The answer does not tell of this label.
        """
        return _score(label, self.labels)


class FailedFile(Answer):
    """One file that was *not* classified.

    It has no ``flagged``, so that nothing can take it for harmless.
    """

    index: int
    filename: str
    problem: Problem

    def error(self) -> AnswerError:
        """The exception for this file, for those who want to raise it."""
        return self.problem.error()


def _kind_of_result(value: object) -> str:
    if isinstance(value, dict):
        return "failed" if value.get("problem") is not None else "result"
    return "failed" if isinstance(value, FailedFile) else "result"


FileResult: TypeAlias = Annotated[
    Annotated[ImageResult, Tag("result")] | Annotated[FailedFile, Tag("failed")],
    Discriminator(_kind_of_result),
]


class ImagesAnswer(Answer):
    """One result for each file, in the order sent."""

    model: ModelUsed
    results: tuple[FileResult, ...]

    def classified(self) -> tuple[ImageResult, ...]:
        """All results, for those who can do nothing with a part of them.

        Raises:
            AnswerError: A file was not classified.
        """
        for result in self.results:
            if isinstance(result, FailedFile):
                raise result.error()
        return tuple(result for result in self.results if isinstance(result, ImageResult))


class VideoMedia(Answer):
    """What a video file is."""

    type: Literal["video"]
    container: str
    codec: str
    width: int
    height: int
    rotation: int
    duration_seconds: float
    frames: int
    frame_rate: float


class Moment(Answer):
    """One frame, counted from 1, and its seconds from the first frame on."""

    frame: int
    time_seconds: float


class VideoLabel(Answer):
    """One label over the whole range that was looked at."""

    label: str
    max_score: float
    first: Moment | None
    """The first look at or over the threshold."""
    peak: Moment


class Segment(Answer):
    """A stretch in which one label is seen."""

    label: str
    start_seconds: float
    end_seconds: float
    start_frame: int
    end_frame: int
    peak_score: float
    peak_seconds: float


class Coverage(Answer):
    """How closely the range was looked at."""

    sampling: str
    frames_decoded: int
    frames_classified: int
    frames_reused: int
    frames_failed: int = 0
    largest_gap_seconds: float
    complete: bool
    """False where it ended with the first hit, or looks failed."""


class Policy(Answer):
    """What was asked, as the service understood it."""

    sampling: str
    thresholds: dict[str, float]


class Series(Answer):
    """Every look, by columns of equal length."""

    frame: tuple[int, ...]
    time_seconds: tuple[float, ...]
    reused: tuple[bool, ...]
    scores: dict[str, tuple[float, ...]]


class Sheet(Answer):
    """A contact sheet of the peaks."""

    media_type: str
    base64: str

    def data(self) -> bytes:
        """The picture's file."""
        return base64.b64decode(self.base64, validate=True)


class VideoAnswer(Answer):
    """When each label is seen in a video or an animated image."""

    model: ModelUsed
    flagged: bool | None
    """Whether a flagged label has a segment. None: the model has no flagged labels, and so has
    said nothing about it; to fail closed, test ``is not False``."""
    media: Annotated[VideoMedia | ImageMedia, Discriminator("type")]
    labels: tuple[VideoLabel, ...]
    segments: tuple[Segment, ...]
    coverage: Coverage
    policy: Policy
    series: Series | None = None
    """With ``include=["scores"]``."""
    sheet: Sheet | None = None
    """With ``include=["sheet"]``, where there is something to show."""


class Progress(Answer):
    """How far an analysis has come."""

    time_seconds: float
    fraction: float
    """0…1."""


class Finding(Answer):
    """First news of a label, not necessarily its first frame."""

    label: str
    frame: int
    time_seconds: float
    score: float


class ModelInput(Answer):
    """Pixels that a model takes."""

    height: int
    width: int


class Model(Answer):
    """A configured model; what only the loaded model knows is None until it is ready."""

    name: str
    labels: tuple[str, ...] | None
    flagged_labels: tuple[str, ...] | None
    input: ModelInput | None
    revision: str | None
    state: str
    demonstration: bool | None
    """True for a model that shows how the service works and does not moderate."""


class OnDemand(Answer):
    """Models beyond the configured ones."""

    allow: tuple[str, ...]


class Models(Answer):
    """What may be asked for."""

    default: str
    default_score: float
    """Threshold of requests that give none."""
    models: tuple[Model, ...]
    on_demand: OnDemand


class Limits(Answer):
    """What the service refuses for its size."""

    max_image_bytes: int
    max_video_bytes: int
    max_pixels: int
    max_animation_frames: int
    max_animation_pixels: int
    max_video_frames: int
    max_video_seconds: float
    max_request_bytes: int
    max_files_per_request: int


def _score(label: str, labels: tuple[LabelScore, ...]) -> float:
    for entry in labels:
        if entry.label == label:
            return entry.score
    raise KeyError(label)
