"""Health, models, limits, and the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from deployments.classifier.fake import FakeClassifier

from .conftest import SHAPES


async def test_the_root_says_what_runs_here(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert (response.status_code, response.json()["service"]) == (200, "vigil")


async def test_alive_does_not_depend_on_the_model(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    classifier.set_state("builtin/demo", "unavailable")
    assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("state", ["starting", "unavailable"])
async def test_ready_means_that_the_default_model_answers(
    client: httpx.AsyncClient, classifier: FakeClassifier, state: Any
) -> None:
    classifier.set_state("ages", state)
    assert (await client.get("/readyz")).status_code == 200
    classifier.set_state("builtin/demo", state)
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert state in response.json()["detail"]
    assert "retry-after" in response.headers


async def test_models_lists_what_is_to_be_had(make_client, classifier: FakeClassifier) -> None:  # type: ignore[no-untyped-def]
    client = await make_client(on_demand={"allow": ["org/*"]})
    classifier.set_state("ages", "starting")
    body = (await client.get("/v1/models")).json()
    assert (body["default"], body["default_score"]) == ("builtin/demo", 0.7)
    assert body["on_demand"] == {"allow": ["org/*"]}
    assert [model["name"] for model in body["models"]] == ["builtin/demo", "ages", "five"]
    assert body["models"][0] == {
        "name": "builtin/demo",
        "labels": ["normal", "nsfw"],
        "flagged_labels": ["nsfw"],
        "input": {"height": 32, "width": 32},
        "revision": None,
        "state": "ready",
        "detail": None,
        "demonstration": True,
    }
    assert body["models"][1]["state"] == "starting"
    assert body["models"][1]["labels"] is None


async def test_limits_are_those_configured(make_client) -> None:  # type: ignore[no-untyped-def]
    client = await make_client(limits={"max_pixels": 12345})
    body = (await client.get("/v1/limits")).json()
    assert body["max_pixels"] == 12345
    assert body["max_files_per_request"] == 64


class TestDocumentation:
    @pytest.fixture
    async def document(self, client: httpx.AsyncClient) -> dict[str, Any]:
        document: dict[str, Any] = (await client.get("/openapi.json")).json()
        return document

    async def test_the_pages_load_nothing_from_elsewhere(self, client: httpx.AsyncClient) -> None:
        for page in ("/docs", "/redoc"):
            text = (await client.get(page)).text
            assert "http://" not in text.replace("http://www.w3.org", "")
            assert "https://" not in text
        assert (await client.get("/docs-assets/swagger-ui-bundle.js")).status_code == 200

    def operations(self, document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for path, methods in document["paths"].items():
            for operation in methods.values():
                yield path, operation

    async def test_every_route_is_described_and_tagged(self, document: dict[str, Any]) -> None:
        for path, operation in self.operations(document):
            assert operation["summary"], path
            assert operation["description"], path
            assert operation["tags"], path

    async def test_every_parameter_says_what_it_does(self, document: dict[str, Any]) -> None:
        for path, operation in self.operations(document):
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), f"{path}: {parameter['name']}"

    async def test_the_routes_that_take_files_offer_a_file_to_choose(
        self, document: dict[str, Any]
    ) -> None:
        forms = {
            path: list(
                operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
            )
            for path, operation in self.operations(document)
            if "requestBody" in operation
        }
        assert forms == {
            "/api/image-classification": ["file"],
            "/api/multi-image-classification": ["files"],
            "/api/image-query-classification": ["file"],
            "/api/multi-image-query-classification": ["files"],
            "/api/video-classification": ["file"],
            "/v1/images": ["files"],
            "/v1/videos": ["file"],
        }

    async def test_every_example_has_the_shape_that_it_is_an_example_of(
        self, document: dict[str, Any]
    ) -> None:
        checked = 0
        for path, operation in self.operations(document):
            content = operation["responses"]["200"].get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                shape: TypeAdapter[object] = SHAPES[path]
                shape.validate_json(json.dumps(example["value"]), strict=True)
                checked += 1
        assert checked >= 13

    async def test_errors_are_documented_as_problems(self, document: dict[str, Any]) -> None:
        responses = document["paths"]["/api/image-classification"]["post"]["responses"]
        assert {"401", "404", "413", "415", "422", "500", "503", "504"} <= set(responses)
        for status, response in responses.items():
            if status != "200":
                assert list(response["content"]) == ["application/problem+json"]
