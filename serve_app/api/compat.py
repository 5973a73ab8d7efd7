"""``/api``: the original service's contract, kept, so that its clients go on working unchanged."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from serve_app import schemas
from serve_app.api.compat_answers import CompatAnswers, SearchParameters
from serve_app.api.documentation import responses, upload_form
from serve_app.schemas import Json
from serve_app.uploads import read_file, read_files

ModelName = Annotated[
    str | None, Query(min_length=1, description="Model to ask; omitted: the default model.")
]
Parameters = Annotated[SearchParameters, Query()]

_IMAGE = upload_form("file", several=False, what="An image; GIF, WebP, APNG … may be animated.")
_IMAGES = upload_form("files", several=True, what="An image; may be animated.")
_VIDEO = upload_form("file", several=False, what="A video: MP4, MOV, WebM, MKV, AVI, TS, FLV, OGV.")

_STILL: Json = [{"label": "normal", "score": 0.98}, {"label": "nsfw", "score": 0.02}]
_ANIMATED: Json = [_STILL, [{"label": "nsfw", "score": 0.91}, {"label": "normal", "score": 0.09}]]
_FOUND: Json = [{"label": "nsfw", "score": 0.91}]
_FOUND_IN_FRAME: Json = [{"frame": 1, "label": "nsfw", "score": 0.91}]
_FOUND_BY_MODEL: Json = [{"builtin/demo": _FOUND}]


def compat_router(answers: CompatAnswers, max_files: int) -> APIRouter:
    """The five routes.

    Args:
        answers: Makes what they answer.
        max_files: Files in one request at most.
    """
    router = APIRouter(prefix="/api", tags=["api"])

    @router.post(
        "/image-classification",
        summary="Classify an image",
        response_model=schemas.Classification,
        responses=responses({"Still image": _STILL, "Animation, frame by frame": _ANIMATED}),
        openapi_extra=_IMAGE,
    )
    async def image_classification(request: Request, model_name: ModelName = None) -> JSONResponse:
        """All labels by falling score; of an animation one such list for each frame."""
        model = await answers.model(model_name)
        upload = await read_file(request, "file")
        return JSONResponse(await answers.classify_image(upload, model))

    @router.post(
        "/multi-image-classification",
        summary="Classify several images",
        response_model=schemas.MultiClassification,
        responses=responses({"A still image and an animation": [{"0": _STILL}, {"1": _ANIMATED}]}),
        openapi_extra=_IMAGES,
    )
    async def multi_image_classification(
        request: Request, model_name: ModelName = None
    ) -> JSONResponse:
        """The answers in the files' order; one file that cannot be used fails the request."""
        model = await answers.model(model_name)
        uploads = await read_files(request, "files", max_files)
        return JSONResponse(
            await answers.each(uploads, lambda upload: answers.classify_image(upload, model))
        )

    @router.post(
        "/image-query-classification",
        summary="Look for labels in an image",
        response_model=schemas.Query,
        responses=responses(
            {
                "Still image": _FOUND,
                "Animation": _FOUND_IN_FRAME,
                "With `model_names`": _FOUND_BY_MODEL,
                "Nothing found": [],
            }
        ),
        openapi_extra=_IMAGE,
    )
    async def image_query_classification(request: Request, parameters: Parameters) -> JSONResponse:
        """Labels at or over `score`, each once, at its first frame (counted from 0)."""
        search = await answers.search(parameters)
        upload = await read_file(request, "file")
        return JSONResponse(await answers.search_image(upload, search))

    @router.post(
        "/multi-image-query-classification",
        summary="Look for labels in several images",
        response_model=schemas.MultiQuery,
        responses=responses(
            {
                "A still image and an animation": [{"0": _FOUND}, {"1": _FOUND_IN_FRAME}],
                "With `model_names`": [{"0": _FOUND_BY_MODEL}],
            }
        ),
        openapi_extra=_IMAGES,
    )
    async def multi_image_query_classification(
        request: Request, parameters: Parameters
    ) -> JSONResponse:
        """The answers in the files' order; one file that cannot be used fails the request."""
        search = await answers.search(parameters)
        uploads = await read_files(request, "files", max_files)
        return JSONResponse(
            await answers.each(uploads, lambda upload: answers.search_image(upload, search))
        )

    @router.post(
        "/video-classification",
        summary="Look for labels in a video",
        response_model=schemas.VideoFindings,
        responses=responses(
            {
                "One model": [{"frame": 601, "label": "nsfw", "score": 0.99}],
                "With `model_names`": [
                    {"builtin/demo": [{"frame": 601, "label": "nsfw", "score": 0.99}]}
                ],
                "Nothing found": [],
            }
        ),
        openapi_extra=_VIDEO,
    )
    async def video_classification(request: Request, parameters: Parameters) -> JSONResponse:
        """Labels at or over `score`, each once, at its first frame (counted from 1)."""
        search = await answers.search(parameters)
        upload = await read_file(request, "file")
        return JSONResponse(await answers.search_video(upload, search))

    return router
