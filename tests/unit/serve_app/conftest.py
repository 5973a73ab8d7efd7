from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier, fake_model
from deployments.video.fake import FakeVideoAnalyst
from serve_app import event_stream, schemas, video_schemas
from serve_app.application import create_app
from serve_app.config import AppConfig, resolve
from serve_app.fetch import Fetcher

AGES = fake_model("ages", ["young", "middle", "old"])
FIVE = fake_model("five", ["drawings", "hentai", "neutral", "porn", "sexy"], ["porn", "sexy"])

SHAPES: dict[str, TypeAdapter[object]] = {
    "/api/image-classification": TypeAdapter(schemas.Classification),
    "/api/multi-image-classification": TypeAdapter(schemas.MultiClassification),
    "/api/image-query-classification": TypeAdapter(schemas.Query),
    "/api/multi-image-query-classification": TypeAdapter(schemas.MultiQuery),
    "/api/video-classification": TypeAdapter(schemas.VideoFindings),
    "/v1/images": TypeAdapter(schemas.ImagesAnswer),
    "/v1/videos": TypeAdapter(video_schemas.VideoAnswer),
    "/v1/models": TypeAdapter(schemas.ModelsAnswer),
    "/v1/limits": TypeAdapter(schemas.LimitsAnswer),
}

MakeClient = Callable[..., object]


async def check_shape(response: httpx.Response) -> None:
    """Every answer of every test has the shape that the OpenAPI document says."""
    await response.aread()
    if response.headers.get("content-type") == event_stream.MEDIA_TYPE:
        check_events(response.content)
    elif response.status_code == 200:
        if shape := SHAPES.get(response.request.url.path):
            shape.validate_json(response.content, strict=True)
    else:
        assert response.headers["content-type"] == "application/problem+json"
        problem = schemas.Problem.model_validate_json(response.content)
        assert problem.status == response.status_code
    assert response.headers["x-request-id"]


def check_events(content: bytes) -> None:
    """A stream ends with a result or an error, and has neither before."""
    *earlier, last = map(json.loads, content.splitlines())
    assert {event["event"] for event in earlier} <= {"progress", "finding"}
    if last.pop("event") == "result":
        SHAPES["/v1/videos"].validate_json(json.dumps(last), strict=True)
    else:
        schemas.Problem.model_validate(last["problem"])


@pytest.fixture
def classifier() -> FakeClassifier:
    return FakeClassifier([FAKE_MODEL, AGES, FIVE])


@pytest.fixture
def videos() -> FakeVideoAnalyst:
    """40 frames: ``nsfw`` rises to 0.5 at frame 11 and to 0.9 at frame 21 (counted from 1)."""
    nsfw = np.repeat([0.1, 0.5, 0.9, 0.1], 10)
    ages = np.tile(np.array([0.2, 0.3, 0.5], np.float32), (40, 1))
    return FakeVideoAnalyst(
        {
            FAKE_MODEL.name: (FAKE_MODEL, np.stack([1 - nsfw, nsfw], 1).astype(np.float32)),
            "ages": (AGES, ages),
        }
    )


@pytest.fixture
async def make_app(
    classifier: FakeClassifier, videos: FakeVideoAnalyst
) -> AsyncIterator[Callable[..., object]]:
    """Applications with the given args and environment."""
    async with AsyncExitStack() as stack:

        async def make(
            environ: dict[str, str] | None = None, fetcher: Fetcher | None = None, **args: object
        ) -> FastAPI:
            config: AppConfig = resolve(
                {"models": [{"name": m} for m in ("builtin/demo", "ages", "five")], **args},
                environ or {},
            )
            app = create_app(config, classifier, videos, fetcher=fetcher)
            await stack.enter_async_context(app.router.lifespan_context(app))
            return app

        yield make


@pytest.fixture
async def make_client(make_app: Callable[..., Awaitable[FastAPI]]) -> AsyncIterator[MakeClient]:
    """Clients of an application that `make_app` makes of the same arguments."""
    async with AsyncExitStack() as stack:

        async def make(*args: object, **kwargs: object) -> httpx.AsyncClient:
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(await make_app(*args, **kwargs)),
                base_url="http://vigil",
                event_hooks={"response": [check_shape]},
            )
            return await stack.enter_async_context(client)

        yield make


@pytest.fixture
async def client(make_client: Callable[..., object]) -> httpx.AsyncClient:
    return await make_client()  # type: ignore[misc]
