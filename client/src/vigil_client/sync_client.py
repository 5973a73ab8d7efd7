"""The client for plain functions and threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Self, TypeVar, Unpack

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
from vigil_client.parameters import ImageOptions, VideoOptions, image_query, video_query
from vigil_client.retries import Retries
from vigil_client.uploads import Media, MediaUrl, form_fields, video_form

_Result = TypeVar("_Result")
_Shape = TypeVar("_Shape", bound=BaseModel)


class Client:
    """Asks a Vigil service. May be used by several threads; close it, or use it in ``with``.

    Every method raises a `VigilError` where it cannot answer, and an `OSError` where a file cannot
    be read. There is no answer that stands for "could not tell".

    Args:
        url: Where the service listens.
        api_key: Sent in ``X-API-Key``.
        timeout: Seconds for the answer, or an `httpx.Timeout`.
        retries: How often a request is sent again.
        transport: Another way to the service, as of `httpx.Client`.
    """

    def __init__(
        self,
        url: str = settings.DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = settings.DEFAULT_TIMEOUT,
        retries: Retries = Retries(),  # noqa: B008 - immutable
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.Client(
            base_url=settings.base_url(url),
            headers=settings.headers(api_key),
            timeout=timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def image(self, media: Media, **options: Unpack[ImageOptions]) -> ImageResult:
        """Classify one image or animation.

        Raises:
            MediaError: The file cannot be classified.
            VigilError, OSError: See the class.
        """
        return self.images([media], **options).classified()[0]

    def images(self, media: Sequence[Media], **options: Unpack[ImageOptions]) -> ImagesAnswer:
        """Classify several images and animations in one request.

        A file that cannot be classified is a `FailedFile` among the results.
        """
        query = image_query(options)

        def send() -> ImagesAnswer:
            with ExitStack() as stack:
                files = form_fields("files", media, stack)
                with translated():
                    response = self._http.post("/v1/images", params=query, files=files)
            return parse_images(response, len(media))

        return self._retrying(send)

    def video(
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

        def send() -> VideoAnswer:
            with self._stream(media, options) as events:
                for event in events:
                    match event:
                        case VideoAnswer():
                            answer = event
                        case Progress() if on_progress:
                            on_progress(event)
                        case Finding() if on_finding:
                            on_finding(event)
            return answer

        return self._retrying(send)

    @contextmanager
    def watch_video(
        self, media: Media | MediaUrl, **options: Unpack[VideoOptions]
    ) -> Iterator[Iterator[VideoEvent]]:
        """The events of an analysis as they come; leaving the ``with`` block ends the work.

        The iterator yields `Progress`, `Finding` and, last, one `VideoAnswer`; it raises where the
        analysis fails or the stream breaks off. Only opening the stream is tried again.
        """
        with ExitStack() as stack:
            yield self._retrying(lambda: stack.enter_context(self._stream(media, options)))

    def models(self) -> Models:
        """The models that may be asked."""
        return self._get("/v1/models", Models)

    def limits(self) -> Limits:
        """What the service refuses for its size."""
        return self._get("/v1/limits", Limits)

    def is_ready(self) -> bool:
        """Whether the service can answer now; asked once, and never an error."""
        try:
            return (
                self._http.get("/readyz", timeout=settings.PROBE_TIMEOUT_SECONDS).status_code
                == httpx.codes.OK
            )
        except httpx.RequestError:
            return False

    def _get(self, path: str, shape: type[_Shape]) -> _Shape:
        def send() -> _Shape:
            with translated():
                response = self._http.get(path)
            return parse(response, shape)

        return self._retrying(send)

    def _retrying(self, send: Callable[[], _Result]) -> _Result:
        attempts = self._retries.start()
        while True:
            try:
                return send()
            except VigilError as error:
                wait = attempts.wait_after(error)
            time.sleep(wait)

    @contextmanager
    def _stream(
        self, media: Media | MediaUrl, options: VideoOptions
    ) -> Iterator[Iterator[VideoEvent]]:
        with ExitStack() as stack:
            files = video_form(media, stack)
            with translated():
                response = stack.enter_context(
                    self._http.stream(
                        "POST",
                        "/v1/videos",
                        params=video_query(options),
                        files=files,
                        headers={"Accept": MEDIA_TYPE},
                        timeout=settings.stream_timeout(self._http.timeout),
                    )
                )
                if response.status_code != httpx.codes.OK:
                    response.read()
                    raise error_of(response)
            yield _events(response)


def _events(response: httpx.Response) -> Iterator[VideoEvent]:
    lines = EventLines(response)
    parts = response.iter_bytes()
    while True:
        # Around the reading alone: what the caller raises at `yield` is the caller's.
        with translated():
            part = next(parts, None)
        if part is None:
            break
        yield from lines.feed(part)
    lines.end()
