"""Every error becomes an ``application/problem+json`` answer (RFC 9457), by one table.

`PROBLEMS` maps the error tree of `deployments.errors` to HTTP. FastAPI's own errors (no such
route, a parameter that does not parse) take the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from deployments import errors
from deployments.telemetry.request import note_problem
from serve_app.schemas import Json

MEDIA_TYPE = "application/problem+json"

_CHALLENGE = 'ApiKey realm="vigil", header="X-API-Key"'
"""Every 401 must say what is asked for (RFC 9110, section 15.5.2)."""


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What every problem of one kind has in common."""

    status: int
    title: str
    name: str
    """Last part of the problem's ``type``."""
    retry_after_seconds: int | None = None
    """Sent as ``Retry-After`` where the same request may succeed later."""

    @property
    def type(self) -> str:
        """URI that identifies the kind; clients compare it, nobody has to open it."""
        return f"urn:vigil:problem:{self.name}"


PROBLEMS: Mapping[type[errors.VigilError], ProblemKind] = {
    errors.VigilError: ProblemKind(500, "Service error", "service-error"),
    errors.MediaError: ProblemKind(422, "Unusable media", "unusable-media"),
    errors.UnsupportedMediaError: ProblemKind(415, "Unsupported media", "unsupported-media"),
    errors.CorruptMediaError: ProblemKind(422, "Corrupt media", "corrupt-media"),
    errors.UndecodableMediaError: ProblemKind(422, "Undecodable media", "undecodable-media"),
    errors.MediaTooLargeError: ProblemKind(413, "Media too large", "media-too-large"),
    errors.RequestError: ProblemKind(422, "Invalid request", "invalid-request"),
    errors.UnauthorizedError: ProblemKind(401, "Unauthorized", "unauthorized"),
    errors.UnknownLabelError: ProblemKind(422, "Unknown label", "unknown-label"),
    errors.InvalidParameterError: ProblemKind(422, "Invalid parameter", "invalid-parameter"),
    errors.UnreachableUrlError: ProblemKind(422, "Unreachable URL", "unreachable-url"),
    errors.ModelNotFoundError: ProblemKind(404, "Model not found", "model-not-found"),
    errors.ModelError: ProblemKind(500, "Model error", "model-error"),
    errors.UnsupportedModelError: ProblemKind(422, "Unsupported model", "unsupported-model"),
    errors.ModelUnavailableError: ProblemKind(503, "Model unavailable", "model-unavailable", 30),
    errors.InferenceError: ProblemKind(500, "Inference failed", "inference-failed"),
    errors.ServiceError: ProblemKind(500, "Service error", "service-error"),
    errors.OverloadedError: ProblemKind(503, "Overloaded", "overloaded", 1),
    errors.TooManyRequestsError: ProblemKind(429, "Too many requests", "too-many-requests", 1),
    errors.DeadlineExceededError: ProblemKind(504, "Deadline exceeded", "deadline-exceeded"),
    errors.ReplicaLostError: ProblemKind(503, "Replica lost", "replica-lost", 5),
}
"""One line for every class of the error tree."""


class FileFailedError(Exception):
    """One file of several cannot be used, which fails the request.

    Args:
        index: Position of the file in the request, counted from 0.
        filename: Its name, as the client sent it.
        error: What is wrong with it.
    """

    def __init__(self, index: int, filename: str, error: errors.VigilError) -> None:
        super().__init__(index, filename, error)
        self.index = index
        self.filename = filename
        self.error = error


def kind_of(error: errors.VigilError) -> ProblemKind:
    """The table's line for an error: its own class's, or that of the nearest base."""
    return next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)


def body_of(error: errors.VigilError) -> dict[str, Json]:
    """The members of the problem that an error becomes."""
    kind = kind_of(error)
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": error.detail,
    }


def response_of(error: errors.VigilError) -> JSONResponse:
    """The HTTP answer that an error becomes."""
    seconds = kind_of(error).retry_after_seconds
    if isinstance(error, errors.OverloadedError):
        seconds = error.retry_after_seconds
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    if isinstance(error, errors.UnauthorizedError):
        headers["WWW-Authenticate"] = _CHALLENGE
    return problem_response(body_of(error), headers)


def plain_problem(status: int, detail: str) -> dict[str, Json]:
    """A problem that says no more than its HTTP status does (RFC 9457, section 4.2.1)."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def problem_response(
    body: dict[str, Json], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer with the problem's status and media type."""
    status = body["status"]
    assert isinstance(status, int)  # noqa: S101 - narrows the type, holds for every caller
    return JSONResponse(body, status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error that it knows with a problem."""
    app.add_exception_handler(errors.VigilError, _on_vigil_error)
    app.add_exception_handler(FileFailedError, _on_file_failed)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


# Starlette types every handler's second argument as Exception, whatever it was registered for.
async def _on_vigil_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.VigilError)  # noqa: S101
    note_problem(kind_of(error).name)
    return response_of(error)


async def _on_file_failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FileFailedError)  # noqa: S101
    note_problem(kind_of(error.error).name)
    body = body_of(error.error)
    body["detail"] = f"File {error.index} ({error.filename}): {error.error.detail}"
    body["index"] = error.index
    return problem_response(body)


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # Without what was sent and how pydantic looked at it: only where, what, and which rule.
    found: list[Json] = [
        {"loc": list(item["loc"]), "msg": str(item["msg"]), "type": str(item["type"])}
        for item in error.errors()
    ]
    kind = PROBLEMS[errors.InvalidParameterError]
    note_problem(kind.name)
    body: dict[str, Json] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": _sentence(error),
        "errors": found,
    }
    return problem_response(body)


def _sentence(error: RequestValidationError) -> str:
    parts = []
    for item in error.errors():
        names = [str(name) for name in item["loc"][1:]]  # the first says query, path or body
        parts.append(f"{'.'.join(names) or 'request'}: {item['msg']}")
    return "; ".join(parts) + "."


async def _on_http_exception(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "There is no such route; /docs lists them all."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"This route takes {allowed}."
    return problem_response(plain_problem(error.status_code, detail), error.headers)
