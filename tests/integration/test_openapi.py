"""The OpenAPI document against the running service: requests are made from it, answers compared.

A document that is wrong breaks generated clients; a request that no one thought of may break the
service.
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.video.fake import FakeVideoAnalyst
from serve_app.application import create_app
from serve_app.config import resolve
from tests.assets.images import animation_bytes, image_bytes
from tests.assets.videos import make_video
from tests.integration.service import Service

EXAMPLES = 20
"""Requests for each route that fit the document, and as many that do not."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
TIMEOUT_SECONDS = 120
IMAGES = (image_bytes("jpeg", (64, 48)), animation_bytes("gif", 3, (32, 24)))
VIDEO = make_video(frames=20, width=64, height=48)

schemathesis.openapi.format(
    "binary", st.just(VIDEO) | st.sampled_from(IMAGES) | st.binary(max_size=64)
)

ROUTES = sorted(
    (method.upper(), path)
    for path, methods in create_app(
        resolve({}, {}), FakeClassifier([FAKE_MODEL]), FakeVideoAnalyst({})
    )
    .openapi()["paths"]
    .items()
    for method in methods
)


@pytest.fixture(scope="module")
def document(service: Service) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


def test_the_running_service_has_the_routes_that_are_tried(
    document: schemathesis.BaseSchema,
) -> None:
    found = [operation.ok() for operation in document.get_all_operations()]
    assert sorted((operation.method.upper(), operation.path) for operation in found) == ROUTES


@pytest.mark.parametrize(
    ("mode", "method", "path"),
    [
        (mode, method, path)
        for mode in GenerationMode
        for method, path in ROUTES
        # What takes no parameter cannot be asked wrongly.
        if mode is GenerationMode.POSITIVE or method == "POST"
    ],
)
def test_answers_are_those_of_the_document(
    document: schemathesis.BaseSchema, mode: GenerationMode, method: str, path: str
) -> None:
    operation = document[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, timeout=TIMEOUT_SECONDS)

    check()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_good_requests_are_answered_as_the_document_says(
    document: schemathesis.BaseSchema, method: str, path: str
) -> None:
    # Of made-up requests few get so far: most models and labels do not exist.
    operation = document[path][method]
    if method == "POST":
        data = VIDEO if "video" in path else IMAGES[0]
        several = "multi" in path or path == "/v1/images"
        body = {"files": [data, IMAGES[1]]} if several else {"file": data}
        case = operation.Case(body=body, media_type="multipart/form-data")
    else:
        case = operation.Case()
    answer = case.call_and_validate(checks=CHECKS, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200
