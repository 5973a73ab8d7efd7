"""``/v1/videos``: the native contract for videos, and for animated images asked about as videos."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from deployments.classifier.protocol import Classifier
from deployments.errors import InvalidParameterError
from deployments.media.sniff import sniff
from deployments.types import Buffer
from deployments.video.analysis import AnalysisEvent, AnalysisRequest, VideoAnalyst
from deployments.video.conclusion import Question
from serve_app import event_stream
from serve_app.animations import AnimationAnalyst
from serve_app.api.documentation import OpenApi, Responses, responses, upload_form
from serve_app.api.video_answers import final_answer, told
from serve_app.api.video_parameters import VideosParameters
from serve_app.config import AppConfig
from serve_app.disconnects import unless_disconnected
from serve_app.event_stream import EventStream
from serve_app.fetch import Fetcher
from serve_app.upload_bounds import reserve_bytes
from serve_app.uploads import check_video_bytes, read_file_or_text
from serve_app.video_schemas import EXAMPLE, STREAM_EXAMPLE, VideoAnswer

CLIENT_CLOSED_REQUEST = 499
"""Status for the service's own records where nobody is left to read an answer (nginx's number)."""


class MediaAnalyst:
    """Hands a file, or what a URL gives, to whoever can look at it.

    Args:
        videos: Analyses videos.
        animations: Analyses animated images.
        fetcher: Fetches URLs; None: URLs are not taken.
        max_video_bytes: A video's.
    """

    def __init__(
        self,
        videos: VideoAnalyst,
        animations: AnimationAnalyst,
        fetcher: Fetcher | None,
        max_video_bytes: int,
    ) -> None:
        self._videos = videos
        self._animations = animations
        self._fetcher = fetcher
        self._max_video_bytes = max_video_bytes

    async def media(self, request: Request) -> bytes | str:
        """The file that a request carries, or the URL that it names instead.

        Raises:
            InvalidParameterError: Neither, both, or a URL where none is taken.
            UnsupportedMediaError: The body is not ``multipart/form-data``.
        """
        sent = await read_file_or_text(request, "file", "url")
        if not isinstance(sent, str):
            return sent.data
        if self._fetcher is None:
            raise InvalidParameterError(
                "This service takes no URLs; send the media in the form field 'file'."
            )
        return sent

    async def analyse(
        self, media: Buffer | str, question: AnalysisRequest, request: Request
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """Fetch if need be, and analyse; see `VideoAnalyst.analyse`.

        Args:
            media: As `media` gave it.
            question: What to find.
            request: On whose account fetched bytes go.
        """
        if isinstance(media, str):
            assert self._fetcher is not None  # noqa: S101 - `media` let no URL pass without it
            media = await self._fetcher.fetch(
                media, lambda total: reserve_bytes(request.scope, total)
            )
        if sniff(media).kind == "video":
            check_video_bytes(len(media), self._max_video_bytes)
            events = self._videos.analyse(media, question)
        else:
            events = self._animations.analyse(media, question)
        del media  # where it is a video, the object store soon holds it: once is enough
        async with aclosing(events):
            async for event in events:
                yield event


def videos_router(config: AppConfig, classifier: Classifier, media: MediaAnalyst) -> APIRouter:
    """The route that analyses videos.

    Args:
        config: Defaults and limits.
        classifier: Knows the models.
        media: Does the work.
    """
    router = APIRouter(prefix="/v1", tags=["v1"])

    @router.post(
        "/videos",
        summary="Analyse a video or an animated image",
        response_model=VideoAnswer,
        responses=_responses(),
        openapi_extra=_form(with_url=config.video.allow_urls),
    )
    async def analyse_video(
        request: Request, parameters: Annotated[VideosParameters, Query()]
    ) -> Response:
        """When each label is seen, and how closely the video was looked at. Frames count from 1,
        seconds from the first frame's presentation on.

        With `Accept: application/x-ndjson` one JSON object a line tells how it goes: `progress`,
        `finding` as soon as a label is found for the first time, and `result` or `error` last. An
        error that comes before the first line is an answer with its own status.
        """
        question = parameters.request(config.default_model, config.default_score)
        # Before the upload is read: what cannot be asked costs nothing.
        Question.of(question, await classifier.info(question.model))
        events = media.analyse(await media.media(request), question, request)
        if event_stream.is_asked_for(request):
            return EventStream(told(events, question))
        answer = await unless_disconnected(request.receive, final_answer(events, question))
        return Response(None, CLIENT_CLOSED_REQUEST) if answer is None else JSONResponse(answer)

    return router


def _responses() -> Responses:
    declared = responses({"A video": EXAMPLE})
    declared[200]["content"][event_stream.MEDIA_TYPE] = {
        "schema": {"type": "string"},
        "examples": {"stream": {"summary": "While it runs", "value": STREAM_EXAMPLE}},
    }
    return declared


def _form(*, with_url: bool) -> OpenApi:
    form = upload_form("file", several=False, what="A video, or an animated image.")
    if with_url:
        schema = form["requestBody"]["content"]["multipart/form-data"]["schema"]
        del schema["required"]
        schema["properties"]["url"] = {
            "type": "string",
            "description": "Instead of `file`: an http or https URL of a public host.",
        }
    return form
