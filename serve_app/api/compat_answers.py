"""What the ``/api`` routes answer, apart from HTTP: parameters in, plain JSON values out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from deployments.classifier.protocol import Classifier
from deployments.errors import (
    InvalidParameterError,
    MediaError,
    UnsupportedMediaError,
)
from deployments.media.sniff import sniff
from deployments.types import ModelInfo
from deployments.verdicts import Finding, LabelQuery, label_scores, resolve_labels
from deployments.video.protocol import VideoFinder
from serve_app.config import AppConfig
from serve_app.images import ImageScorer
from serve_app.parallel import in_order
from serve_app.problems import FileFailedError
from serve_app.schemas import Json
from serve_app.uploads import Upload, check_video_bytes


class SearchParameters(BaseModel):
    """Query parameters of the routes that look for labels."""

    model_name: str | None = Field(
        None, min_length=1, description="Model to ask; omitted: the default model."
    )
    model_names: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None, description="Several models to ask (repeat it); the answer is then keyed by model."
    )
    labels: list[str] | None = Field(
        None,
        description="Labels to look for (repeat it); omitted: the model's flagged labels, or all "
        "its labels where it has none.",
    )
    score: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Report scores at or over it; omitted: the service's `DEFAULT_SCORE`.",
    )
    return_on_first_matching_label: bool = Field(
        False, description="Stop at the first frame that matches, and report its matches only."
    )
    fast_mode: bool = Field(
        False,
        description="Animations and videos: look at every k-th frame only, "
        "k = max(1, round(frames × skip_frames_percentage / 100)).",
    )
    skip_frames_percentage: float = Field(
        5, ge=1, le=100, allow_inf_nan=False, description="See `fast_mode`."
    )


@dataclass(frozen=True, slots=True)
class Search:
    """Search parameters whose models and labels are known to exist."""

    names: tuple[str, ...]
    """The models in the order asked."""
    by_model: bool
    """Whether the answer is keyed by model."""
    models: tuple[ModelInfo, ...]
    """Each model once."""
    queries: tuple[LabelQuery, ...]
    """One for each of ``models``."""
    skip_percentage: float | None

    def shape(self, answers: Sequence[Json]) -> Json:
        """The flat answer, or the answers (one for each of ``models``) keyed by model."""
        if not self.by_model:
            return answers[0]
        by_name = dict(zip((model.name for model in self.models), answers, strict=True))
        return [{name: by_name[name]} for name in self.names]


class CompatAnswers:
    """Answers in the original service's shapes.

    Args:
        config: Defaults and limits.
        classifier: Knows the models.
        images: Reads images.
        videos: Reads videos.
    """

    def __init__(
        self, config: AppConfig, classifier: Classifier, images: ImageScorer, videos: VideoFinder
    ) -> None:
        self._config = config
        self._classifier = classifier
        self._images = images
        self._videos = videos

    async def model(self, name: str | None) -> ModelInfo:
        """The model that a request names, or the default one."""
        return await self._classifier.info(name or self._config.default_model)

    async def search(self, parameters: SearchParameters) -> Search:
        """Check the parameters against the models, before any file is looked at.

        Raises:
            InvalidParameterError: Both ``model_name`` and ``model_names``.
            UnknownLabelError: A label that one of the models cannot return.
            ModelNotFoundError: See `Classifier.info`, as for its other errors.
        """
        if parameters.model_name and parameters.model_names:
            raise InvalidParameterError("Give either model_name or model_names, not both.")
        names = parameters.model_names or [parameters.model_name or self._config.default_model]
        score = self._config.default_score if parameters.score is None else parameters.score
        labels = tuple(parameters.labels) if parameters.labels else None
        models = [await self._classifier.info(name) for name in dict.fromkeys(names)]
        for model in models:
            resolve_labels(model, labels)
        stop = parameters.return_on_first_matching_label
        return Search(
            names=tuple(names),
            by_model=parameters.model_names is not None,
            models=tuple(models),
            queries=tuple(LabelQuery(model.name, labels, score, stop) for model in models),
            skip_percentage=parameters.skip_frames_percentage if parameters.fast_mode else None,
        )

    async def classify_image(self, upload: Upload, model: ModelInfo) -> Json:
        """All labels by falling score; of an animation a list of such lists."""
        scored = await self._images.score(upload.data, model)
        frames: list[Json] = [
            [{"label": s.label, "score": s.score} for s in label_scores(model, frame.rows[0])]
            for frame in scored.frames
        ]
        return frames if scored.facts.type == "animation" else frames[0]

    async def search_image(self, upload: Upload, search: Search) -> Json:
        """The labels found, of an animation with the frame of each."""
        searched = await self._images.search(
            upload.data, search.models, search.queries, search.skip_percentage
        )
        shape = _with_frames if searched.facts.type == "animation" else _without_frames
        return search.shape([shape(findings) for findings in searched.findings])

    async def search_video(self, upload: Upload, search: Search) -> Json:
        """The labels found, with the frame of each.

        Raises:
            UnsupportedMediaError: Not a video.
            MediaTooLargeError: Too many bytes to be sent on.
        """
        media = sniff(upload.data)
        if media.kind != "video":
            raise UnsupportedMediaError(
                f"This is an image ({media.name}), and the route takes videos; send it to "
                "/api/image-query-classification, which takes animated images too."
            )
        check_video_bytes(len(upload.data), self._config.limits.max_video_bytes)
        found = await self._videos.find(upload.data, search.queries, search.skip_percentage)
        return search.shape([_with_frames(findings) for findings in found])

    async def each(
        self, uploads: Sequence[Upload], answer: Callable[[Upload], Awaitable[Json]]
    ) -> Json:
        """``[{"0": …}, {"1": …}]``, the answers of several files.

        Raises:
            FileFailedError: The first file, in the order sent, that cannot be used.
        """

        async def one(index: int, upload: Upload) -> Json:
            try:
                return {str(index): await answer(upload)}
            except MediaError as error:
                raise FileFailedError(index, upload.filename, error) from error

        return list(await in_order(one, uploads, self._config.ingress.parallel_files_per_request))


def _with_frames(findings: Sequence[Finding]) -> Json:
    return [{"frame": f.frame, "label": f.label, "score": f.score} for f in findings]


def _without_frames(findings: Sequence[Finding]) -> Json:
    return [{"label": f.label, "score": f.score} for f in findings]
