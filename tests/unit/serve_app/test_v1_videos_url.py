"""``POST /v1/videos`` with ``url`` in place of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from deployments.video.fake import FakeVideoAnalyst
from serve_app.fetch import Fetcher, FetchLimits

from .live import Gate, LiveRequest
from .media import MP4, animation
from .web import Web, answer, serving

PATH = "/v1/videos"
ALLOWED = {"video": {"allow_urls": True}}


async def loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def fetcher(max_bytes: int = 10_000) -> Fetcher:
    """Reaches the test's own server, whatever the host's name."""
    limits = FetchLimits(max_bytes, max_seconds=20)
    return Fetcher(limits, resolve=loopback, may_connect=lambda address: True)


def form(web: Web) -> dict[str, Any]:
    """A multipart body that holds nothing but the URL."""
    return {"files": {"url": (None, f"http://vigil.test:{web.port}/a.mp4")}}


async def test_what_the_url_gives_is_analysed_as_an_upload_is(
    make_client: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    client = await make_client(fetcher=fetcher(), **ALLOWED)
    uploaded = (await client.post(PATH, files={"file": ("a", MP4)})).json()
    async with serving(answer(MP4)) as web:
        response = await client.post(PATH, params={"labels": "nsfw"}, **form(web))
    assert response.status_code == 200
    assert response.json() == uploaded
    assert videos.requests[-1].labels == ("nsfw",)


async def test_animations_come_by_url_too(make_client: Callable[..., Any]) -> None:
    client = await make_client(fetcher=fetcher(), **ALLOWED)
    async with serving(answer(animation([0.1, 0.9]))) as web:
        body = (await client.post(PATH, **form(web))).json()
    assert body["media"]["type"] == "animation"


async def test_urls_are_not_taken_unless_the_configuration_says_so(
    make_client: Callable[..., Any],
) -> None:
    client = await make_client(fetcher=fetcher())
    async with serving(answer(MP4)) as web:
        response = await client.post(PATH, **form(web))
        assert response.status_code == 422
        assert "takes no URLs" in response.json()["detail"]
        assert web.requests == []


async def test_the_service_as_it_is_configured_reaches_no_private_address(
    make_client: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    client = await make_client(**ALLOWED)
    async with serving(answer(MP4)) as web:
        files = {"url": (None, f"http://127.0.0.1:{web.port}/")}
        response = await client.post(PATH, files=files)
        assert response.status_code == 422
        assert response.json()["type"] == "urn:vigil:problem:unreachable-url"
        assert web.requests == []
    assert videos.requests == []


@pytest.mark.parametrize(
    ("body", "most", "status"),
    [(b"<html>", 10_000, 415), (MP4, len(MP4) - 1, 413), (b"", 10_000, 415)],
)
async def test_what_the_url_gives_is_judged_as_an_upload_is(
    make_client: Callable[..., Any], body: bytes, most: int, status: int
) -> None:
    client = await make_client(fetcher=fetcher(most), **ALLOWED)
    async with serving(answer(body)) as web:
        assert (await client.post(PATH, **form(web))).status_code == status


async def test_fetched_bytes_count_among_those_that_the_service_holds(
    make_client: Callable[..., Any],
) -> None:
    limits = {"max_request_bytes": 2000, "max_inflight_upload_bytes": 2000}
    client = await make_client(fetcher=fetcher(), limits=limits, **ALLOWED)
    async with serving(answer(MP4 + b"x" * 2000)) as web:
        assert (await client.post(PATH, **form(web))).status_code == 413
    async with serving(answer(MP4)) as web:
        assert (await client.post(PATH, **form(web))).status_code == 200


async def test_a_file_and_a_url_together_are_refused(make_client: Callable[..., Any]) -> None:
    client = await make_client(fetcher=fetcher(), **ALLOWED)
    files = {"url": (None, "http://vigil.test/"), "file": ("a.mp4", MP4)}
    assert (await client.post(PATH, files=files)).status_code == 422


async def test_a_client_that_goes_away_ends_the_fetching(make_app: Callable[..., Any]) -> None:
    gate = Gate()

    async def never(host: str, port: int) -> Sequence[str]:
        await gate.wait()
        return []

    waiting = Fetcher(FetchLimits(1000, max_seconds=20), resolve=never)
    app = await make_app(fetcher=waiting, **ALLOWED)
    files = {"url": (None, "http://vigil.test/")}
    live = LiveRequest(app, httpx.Request("POST", f"http://vigil{PATH}", files=files))
    await gate.reached.wait()
    live.go_away()
    await live.task
    assert (await live.start())[0] == 499


@pytest.mark.parametrize("allowed", [False, True])
async def test_the_documentation_offers_the_url_where_it_is_taken(
    make_client: Callable[..., Any], allowed: bool
) -> None:
    client = await make_client(video={"allow_urls": allowed})
    document = (await client.get("/openapi.json")).json()
    body = document["paths"][PATH]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert ("url" in body["schema"]["properties"]) is allowed
    assert ("file" in body["schema"].get("required", [])) is not allowed
