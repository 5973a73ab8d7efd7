"""What the routes have in common in the OpenAPI document: upload forms, examples, errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from serve_app.problems import MEDIA_TYPE
from serve_app.schemas import Json, Problem

# FastAPI declares both kinds of extra OpenAPI with Any.
Responses = dict[int | str, dict[str, Any]]
OpenApi = dict[str, Any]

_ERRORS: Mapping[int, str] = {
    401: "The service asks for an API key, and it is missing or wrong.",
    404: "The model does not exist here; the answer names the models to be had.",
    413: "A file or the request is too large.",
    415: "Not an image or video that this service reads, or not the kind that this route takes.",
    422: "The file is damaged, or a parameter is outside its range.",
    429: "This API key has used up its share; try again after `Retry-After` seconds.",
    500: "The model or the service failed.",
    503: "The service cannot do this right now; try again after `Retry-After` seconds.",
    504: "The answer was not ready in time.",
}

_PROBLEM = {"$ref": f"#/components/schemas/{Problem.__name__}"}
"""The shape is among the document's, as answers of `/v1/images` hold it, too."""


def upload_form(field: str, *, several: bool, what: str) -> OpenApi:
    """The request body of a route that takes files, as ``openapi_extra``.

    Args:
        field: Name of the form field.
        several: Whether it may be repeated.
        what: What to send in it.
    """
    file = {"type": "string", "format": "binary", "description": what}
    schema = {"type": "array", "items": file, "minItems": 1} if several else file
    form = {"type": "object", "required": [field], "properties": {field: schema}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


def responses(examples: Mapping[str, Json]) -> Responses:
    """Examples of a route's answer by their summaries, and the errors that it may give."""
    shown = {summary: {"summary": summary, "value": value} for summary, value in examples.items()}
    content = {"application/json": {"examples": shown}}
    return {200: {"description": "The answer", "content": content}, **problems(tuple(_ERRORS))}


def problems(statuses: Sequence[int]) -> Responses:
    """The errors that a route may give."""
    return {
        status: {
            "description": f"{HTTPStatus(status).phrase}: {_ERRORS[status]}",
            "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
        }
        for status in statuses
    }
