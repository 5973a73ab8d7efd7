"""The client for coroutines, on asyncio or trio; `vigil_client.sync_client` with ``await``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Self, TypeVar, Unpack

import anyio
import httpx
from pydantic import BaseModel

from vigil_client import settings
from vigil_client.answers import (
    MEDIA_TYPE,
    EventLines,
    VideoEvent,
    error_of,
    parse,
    parse_images,
    translated,
)
from vigil_client.errors import VigilError
from vigil_client.models import (
    Finding,
    ImageResult,
    ImagesAnswer,
    Limits,
    Models,
    Progress,
    VideoAnswer,
)
from vigil_client.parameters import ImageOptions, Query, VideoOptions, image_query, video_query
from vigil_client.retries import Retries
from vigil_client.uploads import FormField, Media, MediaUrl, ReadInThread, form_fields, video_form

_JOINED_BYTES = 16 * 2**20
"""A body in memory that is no larger becomes one piece: sending piece by piece costs more."""

_Result = TypeVar("_Result")
_Shape = TypeVar("_Shape", bound=BaseModel)


class AsyncClient:
    """Asks a Vigil service. Close it with `aclose`, or use it in ``async with``.

    Every method raises a `VigilError` where it cannot answer, and an `OSError` where a file cannot
    be read. There is no answer that stands for "could not tell".

    Args:
        url: Where the service listens.
        api_key: Sent in ``X-API-Key``.
        timeout: Seconds for the answer, or an `httpx.Timeout`.
        retries: How often a request is sent again.
        transport: Another way to the service, as of `httpx.AsyncClient`.
    """

    def __init__(
        self,
        url: str = settings.DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = settings.DEFAULT_TIMEOUT,
        retries: Retries = Retries(),  # noqa: B008 - immutable
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=settings.base_url(url),
            headers=settings.headers(api_key),
            timeout=timeout,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def image(self, media: Media, **options: Unpack[ImageOptions]) -> ImageResult:
        """Classify one image or animation.

        Raises:
            MediaError: The file cannot be classified.
            VigilError, OSError: See the class.
        """
        return (await self.images([media], **options)).classified()[0]

    async def images(self, media: Sequence[Media], **options: Unpack[ImageOptions]) -> ImagesAnswer:
        """Classify several images and animations in one request.

        A file that cannot be classified is a `FailedFile` among the results.
        """
        query = image_query(options)

        async def send() -> ImagesAnswer:
            with ExitStack() as stack:
                files = form_fields("files", media, stack)
                request = self._post("/v1/images", query, files)
                with translated():
                    response = await self._http.send(request)
            return parse_images(response, len(media))

        return await self._retrying(send)

    async def video(
        self,
        media: Media | MediaUrl,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        on_finding: Callable[[Finding], None] | None = None,
        **options: Unpack[VideoOptions],
    ) -> VideoAnswer:
        """Analyse a video or an animated image.

        Args:
            media: What to send.
            on_progress: Told how far it has come; begins anew when the request is sent again.
            on_finding: Told the first news of each label.
            options: What to ask.
        """

        async def send() -> VideoAnswer:
            async with self._stream(media, options) as events:
                async for event in events:
                    match event:
                        case VideoAnswer():
                            answer = event
                        case Progress() if on_progress:
                            on_progress(event)
                        case Finding() if on_finding:
                            on_finding(event)
            return answer

        return await self._retrying(send)

    @asynccontextmanager
    async def watch_video(
        self, media: Media | MediaUrl, **options: Unpack[VideoOptions]
    ) -> AsyncIterator[AsyncIterator[VideoEvent]]:
        """The events of an analysis as they come; leaving the block ends the work.

        The iterator yields `Progress`, `Finding` and, last, one `VideoAnswer`; it raises where the
        analysis fails or the stream breaks off. Only opening the stream is tried again.
        """
        async with AsyncExitStack() as stack:

            async def send() -> AsyncIterator[VideoEvent]:
                return await stack.enter_async_context(self._stream(media, options))

            yield await self._retrying(send)

    async def models(self) -> Models:
        """The models that may be asked."""
        return await self._get("/v1/models", Models)

    async def limits(self) -> Limits:
        """What the service refuses for its size."""
        return await self._get("/v1/limits", Limits)

    async def is_ready(self) -> bool:
        """Whether the service can answer now; asked once, and never an error."""
        try:
            return (
                await self._http.get("/readyz", timeout=settings.PROBE_TIMEOUT_SECONDS)
            ).status_code == httpx.codes.OK
        except httpx.RequestError:
            return False

    async def _get(self, path: str, shape: type[_Shape]) -> _Shape:
        async def send() -> _Shape:
            with translated():
                response = await self._http.get(path)
            return parse(response, shape)

        return await self._retrying(send)

    async def _retrying(self, send: Callable[[], Awaitable[_Result]]) -> _Result:
        attempts = self._retries.start()
        while True:
            try:
                return await send()
            except VigilError as error:
                wait = attempts.wait_after(error)
            await anyio.sleep(wait)

    def _post(
        self,
        path: str,
        query: Query,
        files: Sequence[FormField],
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Request:
        request = self._http.build_request(
            "POST",
            path,
            params=query,
            files=files,
            headers=headers,
            timeout=timeout or self._http.timeout,
        )
        body = request.stream
        on_disk = any(not isinstance(content, bytes) for _, (_, content, _) in files)
        if on_disk and isinstance(body, httpx.SyncByteStream):
            request.stream = ReadInThread(body)
        elif int(request.headers["Content-Length"]) <= _JOINED_BYTES:
            request.read()
        return request

    @asynccontextmanager
    async def _stream(
        self, media: Media | MediaUrl, options: VideoOptions
    ) -> AsyncIterator[AsyncIterator[VideoEvent]]:
        with ExitStack() as stack:
            request = self._post(
                "/v1/videos",
                video_query(options),
                video_form(media, stack),
                {"Accept": MEDIA_TYPE},
                settings.stream_timeout(self._http.timeout),
            )
            with translated():
                response = await self._http.send(request, stream=True)
            try:
                if response.status_code != httpx.codes.OK:
                    with translated():
                        await response.aread()
                    raise error_of(response)
                yield _events(response)
            finally:
                await response.aclose()


async def _events(response: httpx.Response) -> AsyncIterator[VideoEvent]:
    lines = EventLines(response)
    parts = response.aiter_bytes()
    while True:
        # Around the reading alone: what the caller raises at `yield` is the caller's.
        with translated():
            part = await anext(parts, None)
        if part is None:
            break
        for event in lines.feed(part):
            yield event
    lines.end()
