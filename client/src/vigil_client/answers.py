"""HTTP answers → typed answers or errors; the same for both clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from vigil_client.errors import AnswerError, ConnectionFailedError, TimedOutError, UploadError
from vigil_client.models import Finding, ImagesAnswer, Problem, Progress, VideoAnswer
from vigil_client.retries import retry_after_seconds

_Shape = TypeVar("_Shape", bound=BaseModel)

VideoEvent: TypeAlias = Progress | Finding | VideoAnswer
"""What an analysis tells; a `VideoAnswer` comes last, and just once."""

MEDIA_TYPE = "application/x-ndjson"
"""Of an answer that tells how the work goes."""

_EVENT: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


def parse(response: httpx.Response, shape: type[_Shape]) -> _Shape:
    """A successful answer.

    Raises:
        AnswerError: The answer is a problem.
        ConnectionFailedError: The answer is not the service's.
    """
    if response.status_code != httpx.codes.OK:
        raise error_of(response)
    try:
        return shape.model_validate_json(response.content)
    except ValidationError as error:
        raise ConnectionFailedError(_not_vigil(response)) from error


def parse_images(response: httpx.Response, files: int) -> ImagesAnswer:
    """The answer of ``/v1/images``, also where none of several files could be used.

    Args:
        response: Read to its end.
        files: How many were sent.

    Raises:
        AnswerError: The request failed as a whole.
        ConnectionFailedError: The answer is not the service's, or not about all the files.
    """
    try:
        answer = ImagesAnswer.model_validate_json(response.content)
    except ValidationError:
        if response.status_code != httpx.codes.OK:
            raise error_of(response) from None
        raise ConnectionFailedError(_not_vigil(response)) from None
    if [result.index for result in answer.results] != list(range(files)):
        raise ConnectionFailedError("The service's answer does not tell of all the files.")
    return answer


def error_of(response: httpx.Response) -> AnswerError:
    """The error that an answer, read to its end, stands for."""
    request_id = response.headers.get("X-Request-ID")
    seconds = retry_after_seconds(response.headers.get("Retry-After"))
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        # A proxy's, or that of a service which is just starting.
        problem = Problem(status=response.status_code, detail=_not_vigil(response))
    return problem.error(request_id, seconds)


class EventLines:
    """Bytes of a stream, as they come → its events.

    Lines end with a line feed and with nothing else: labels may hold what Unicode counts as a
    line's end.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._request_id = response.headers.get("X-Request-ID")
        self._begun: list[bytes] = []
        self._has_result = False

    def feed(self, part: bytes) -> list[VideoEvent]:
        """The events that a part completes.

        Raises:
            AnswerError: The stream tells an error.
            ConnectionFailedError: A line is none of the service's.
        """
        *complete, rest = part.split(b"\n")
        events: list[VideoEvent] = []
        for line in complete:
            event = parse_event(b"".join([*self._begun, line]), self._request_id)
            self._begun.clear()
            if event is not None:
                events.append(event)
                self._has_result |= isinstance(event, VideoAnswer)
        self._begun.append(rest)
        return events

    def end(self) -> None:
        """The stream has ended.

        Raises:
            ConnectionFailedError: Without a result.
        """
        if not self._has_result:
            raise ConnectionFailedError("The stream broke off before its result.")


def parse_event(line: bytes, request_id: str | None) -> VideoEvent | None:
    """One line of a stream; None for an event that this version does not know.

    Raises:
        AnswerError: The line tells an error.
        ConnectionFailedError: The line is none of the service's.
    """
    try:
        members = _EVENT.validate_json(line)
        match members.pop("event", None):
            case "progress":
                return Progress.model_validate(members)
            case "finding":
                return Finding.model_validate(members)
            case "result":
                return VideoAnswer.model_validate(members)
            case "error":
                raise Problem.model_validate(members["problem"]).error(request_id)
            case _:
                return None
    except (ValidationError, KeyError) as error:
        raise ConnectionFailedError("The stream holds a line that is not the service's.") from error


@contextmanager
def translated() -> Iterator[None]:
    """Turns httpx's errors into this client's.

    Raises:
        ConnectionFailedError: There was no answer.
        UploadError: The body turned out to be of another length than announced.
    """
    try:
        yield
    except httpx.TimeoutException as error:
        name = type(error).__name__
        raise TimedOutError(f"The service did not answer in time ({name}).") from error
    except httpx.LocalProtocolError as error:
        raise UploadError(f"The file changed while it was sent ({error}).") from error
    except httpx.RequestError as error:
        # Its message may be empty, and its class says more than nothing.
        reason = str(error) or type(error).__name__
        raise ConnectionFailedError(f"The service does not answer: {reason}.") from error


def _not_vigil(response: httpx.Response) -> str:
    url = response.url.copy_with(query=None)
    return f"{url} answered with status {response.status_code}, but not as Vigil does."
