"""``/v1/images``: the native contract for images and animations. Fields are added, not renamed."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from deployments.classifier.protocol import Classifier
from deployments.errors import MediaError
from deployments.telemetry.request import note_problem
from deployments.types import ImageFacts, ModelInfo, Scores
from deployments.verdicts import label_scores, resolve_labels
from serve_app.api.documentation import responses, upload_form
from serve_app.config import AppConfig
from serve_app.images import ImageScorer, ScoredImage
from serve_app.parallel import in_order
from serve_app.problems import MEDIA_TYPE, body_of, kind_of
from serve_app.schemas import ImagesAnswer, Json
from serve_app.uploads import Upload, read_files


class ImagesParameters(BaseModel):
    """Query parameters of ``/v1/images``."""

    model_config = ConfigDict(extra="forbid")

    model_name: str | None = Field(
        None, min_length=1, description="Model to ask; omitted: the default model."
    )
    labels: list[str] | None = Field(
        None,
        description="Labels to report (repeat it); omitted: all. `flagged` always follows the "
        "model's flagged labels.",
    )
    score: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Threshold of `flagged`; omitted: the service's `DEFAULT_SCORE`.",
    )
    top_k: int | None = Field(None, ge=1, description="Report only so many labels, the highest.")


_FILES = upload_form("files", several=True, what="An image; may be animated.")
_EXAMPLE: Json = {
    "model": {
        "name": "Falconsai/nsfw_image_detection",
        "revision": "main",
        "flagged_labels": ["nsfw"],
    },
    "results": [
        {
            "index": 0,
            "filename": "a.jpg",
            "flagged": False,
            "media": {"type": "image", "format": "jpeg", "width": 1280, "height": 960, "frames": 1},
            "labels": [{"label": "normal", "score": 0.98}, {"label": "nsfw", "score": 0.02}],
        },
        {
            "index": 1,
            "filename": "b.gif",
            "flagged": True,
            "media": {
                "type": "animation",
                "format": "gif",
                "width": 320,
                "height": 240,
                "frames": 1,
                "duration_seconds": 0.08,
            },
            "labels": [{"label": "nsfw", "score": 0.91}, {"label": "normal", "score": 0.09}],
            "frames": [
                {
                    "frame": 0,
                    "time_seconds": 0.0,
                    "labels": [
                        {"label": "nsfw", "score": 0.91},
                        {"label": "normal", "score": 0.09},
                    ],
                }
            ],
        },
        {
            "index": 2,
            "filename": "c.txt",
            "problem": {
                "type": "urn:vigil:problem:unsupported-media",
                "title": "Unsupported media",
                "status": 415,
                "detail": "The file is not an image or a video that this service reads.",
            },
        },
    ],
}


def v1_router(config: AppConfig, classifier: Classifier, images: ImageScorer) -> APIRouter:
    """The routes of the native contract that take media.

    Args:
        config: Defaults and limits.
        classifier: Knows the models.
        images: Reads images.
    """
    router = APIRouter(prefix="/v1", tags=["v1"])

    @router.post(
        "/images",
        summary="Classify images and animations",
        response_model=ImagesAnswer,
        responses=responses({"Three files, one of them not an image": _EXAMPLE}),
        openapi_extra=_FILES,
    )
    async def classify_images(
        request: Request, parameters: Annotated[ImagesParameters, Query()]
    ) -> JSONResponse:
        """One result for each file, in the order sent. A file that cannot be used has a `problem`
        in its place; where no file at all can be used, the request fails with the status that the
        files' problems have (422 where they differ), and carries the `results` too.
        """
        model = await classifier.info(parameters.model_name or config.default_model)
        report = _Report(model, parameters, config.default_score)
        uploads = await read_files(request, "files", config.limits.max_files_per_request)

        async def one(index: int, upload: Upload) -> dict[str, Json]:
            head: dict[str, Json] = {"index": index, "filename": upload.filename}
            try:
                return head | report.result(await images.score(upload.data, model))
            except MediaError as error:
                note_problem(kind_of(error).name)
                return head | {"problem": body_of(error)}

        results = await in_order(one, uploads, config.ingress.parallel_files_per_request)
        answer: dict[str, Json] = {
            "model": {
                "name": model.name,
                "revision": model.revision,
                "flagged_labels": list(model.flagged_labels),
            },
            "results": list(results),
        }
        if all("problem" in result for result in results):
            return _nothing_usable(answer, results)
        return JSONResponse(answer)

    return router


class _Report:
    """Scores → the members of one result."""

    def __init__(
        self, model: ModelInfo, parameters: ImagesParameters, default_score: float
    ) -> None:
        self._model = model
        self._shown = (
            resolve_labels(model, parameters.labels)
            if parameters.labels
            else tuple(range(len(model.labels)))
        )
        self._flagged = resolve_labels(model, model.flagged_labels) if model.flagged_labels else ()
        self._score = default_score if parameters.score is None else parameters.score
        self._top_k = parameters.top_k

    def result(self, scored: ScoredImage) -> dict[str, Json]:
        highest = np.max([frame.rows[0] for frame in scored.frames], axis=0)
        flagged = any(bool(highest[i] >= self._score) for i in self._flagged)
        result: dict[str, Json] = {
            "flagged": flagged if self._flagged else None,
            "media": _media(scored.facts),
            "labels": self._labels(highest),
        }
        if scored.facts.type == "animation":
            result["frames"] = [
                {
                    "frame": frame.index,
                    "time_seconds": frame.pts_seconds,
                    "labels": self._labels(frame.rows[0]),
                }
                for frame in scored.frames
            ]
        return result

    def _labels(self, row: Scores) -> Json:
        ordered = label_scores(self._model, row, self._shown)[: self._top_k]
        return [{"label": entry.label, "score": entry.score} for entry in ordered]


def _media(facts: ImageFacts) -> Json:
    media: dict[str, Json] = {
        "type": facts.type,
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
    }
    if facts.type == "animation":
        media["duration_seconds"] = facts.duration_seconds
    return media


def _nothing_usable(answer: dict[str, Json], results: Sequence[dict[str, Json]]) -> JSONResponse:
    problems = [problem for result in results if isinstance(problem := result["problem"], dict)]
    first = problems[0]
    same = all(problem["type"] == first["type"] for problem in problems)
    if len(problems) == 1:
        head = first
    elif same:
        head = first | {"detail": f"None of the {len(problems)} files can be used; see results."}
    else:
        head = {
            "type": "urn:vigil:problem:unusable-media",
            "title": "Unusable media",
            "status": HTTPStatus.UNPROCESSABLE_ENTITY.value,
            "detail": f"None of the {len(problems)} files can be used; see results.",
        }
    status = head["status"]
    return JSONResponse(head | answer, int(str(status)), media_type=MEDIA_TYPE)
