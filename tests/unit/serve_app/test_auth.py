from __future__ import annotations

import logging
from collections.abc import Callable

import httpx
import pytest

from .media import still

PROTECTED = [
    ("POST", "/api/image-classification"),
    ("POST", "/api/multi-image-classification"),
    ("POST", "/api/image-query-classification"),
    ("POST", "/api/multi-image-query-classification"),
    ("POST", "/api/video-classification"),
    ("POST", "/v1/images"),
    ("GET", "/v1/models"),
    ("GET", "/v1/limits"),
]
OPEN = ["/", "/healthz", "/readyz", "/docs", "/openapi.json", "/docs-assets/swagger-ui.css"]


@pytest.fixture
async def guarded(make_client: Callable[..., object]) -> httpx.AsyncClient:
    return await make_client({"API_KEYS": "first-key,zweiter-schlüssel"})  # type: ignore[misc]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-API-Key": "first-key "}])
async def test_without_a_valid_key_every_working_route_answers_401(
    guarded: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    raw = [(k.encode(), v.encode()) for k, v in headers.items()]
    response = await guarded.request(method, path, headers=raw)
    assert response.status_code == 401
    assert "X-API-Key" in response.headers["www-authenticate"]
    assert "X-API-Key" in response.json()["detail"]


@pytest.mark.parametrize("path", OPEN)
async def test_health_and_documentation_are_open(guarded: httpx.AsyncClient, path: str) -> None:
    assert (await guarded.get(path)).status_code == 200


@pytest.mark.parametrize("key", ["first-key", "zweiter-schlüssel"])
async def test_each_key_opens_the_service(guarded: httpx.AsyncClient, key: str) -> None:
    response = await guarded.post(
        "/api/image-classification",
        files={"file": ("a.png", still(0.5))},
        headers=[(b"x-api-key", key.encode())],
    )
    assert response.status_code == 200


async def test_the_body_of_a_refused_request_is_not_read(guarded: httpx.AsyncClient) -> None:
    async def body():  # type: ignore[no-untyped-def]
        raise AssertionError("read")
        yield b""

    # The transport asks for the body's first chunk only when the application does.
    response = await guarded.post("/api/video-classification", content=body())
    assert response.status_code == 401


async def test_keys_are_never_logged(
    guarded: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await guarded.get("/v1/models", headers={"X-API-Key": "first-key"})
    await guarded.get("/v1/models", headers={"X-API-Key": "wrong-key"})
    assert "-key" not in caplog.text.replace("x-api-key", "")


async def test_the_document_asks_for_a_key_only_where_the_service_does(
    guarded: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    with_keys = (await guarded.get("/openapi.json")).json()
    assert with_keys["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "X-API-Key"
    assert "securitySchemes" not in (await client.get("/openapi.json")).json()["components"]
