from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.classifier.fake import FakeClassifier
from deployments.errors import MediaTooLargeError
from deployments.types import Frames, Scores
from serve_app.edge import RequestBoundary
from serve_app.upload_bounds import UploadBounds, reserve_bytes

from .media import still

FILE = {"file": ("a.png", still(0.5))}


class Gate:
    """Holds every `classify` until it is opened."""

    def __init__(self, classifier: FakeClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()
        inner = classifier.classify

        async def held(model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
            self.entered.set()
            await self.opened.wait()
            return await inner(model, frames)

        monkeypatch.setattr(classifier, "classify", held)


@pytest.fixture
def gate(classifier: FakeClassifier, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(classifier, monkeypatch)


async def test_a_request_id_is_taken_over_or_made(client: httpx.AsyncClient) -> None:
    taken = await client.get("/healthz", headers={"X-Request-ID": "trace:7f-1.a_b"})
    assert taken.headers.get_list("x-request-id") == ["trace:7f-1.a_b"]
    made = {(await client.get("/healthz")).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize("forged", ["a b", "x" * 129, "", "a\tb", "<script>"])
async def test_a_request_id_that_could_forge_a_log_line_is_replaced(
    client: httpx.AsyncClient, forged: str
) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": forged})
    assert answer.headers["x-request-id"] != forged


@pytest.mark.parametrize("path", ["/nowhere", "/api/image-classification", "/v1/models"])
async def test_errors_carry_the_request_id_too(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"X-Request-ID": "me"})
    assert answer.headers["x-request-id"] == "me"


async def test_behind_a_server_that_returns_the_id_itself_it_does_not_come_twice() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    boundary = RequestBoundary(app, timeout_seconds=5, returns_request_id=False)
    transport = httpx.ASGITransport(boundary)
    async with httpx.AsyncClient(transport=transport, base_url="http://vigil") as client:
        assert "x-request-id" not in (await client.get("/")).headers


async def test_more_uploads_than_may_be_held_get_503_until_there_is_room(
    make_client: Callable[..., object], gate: Gate
) -> None:
    size = len(httpx.Request("POST", "http://vigil", files=FILE).read())
    client: httpx.AsyncClient = await make_client(  # type: ignore[misc]
        limits={"max_request_bytes": size, "max_inflight_upload_bytes": size + size // 2}
    )
    first = asyncio.create_task(client.post("/api/image-classification", files=FILE))
    await gate.entered.wait()
    refused = await client.post("/api/image-classification", files=FILE)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert (await client.get("/healthz")).status_code == 200
    gate.opened.set()
    assert (await first).status_code == 200
    assert (await client.post("/api/image-classification", files=FILE)).status_code == 200


async def test_an_answer_that_takes_too_long_becomes_504(
    make_client: Callable[..., object], gate: Gate
) -> None:
    client: httpx.AsyncClient = await make_client(request_timeout_seconds=0.05)  # type: ignore[misc]
    late = await client.post("/api/image-classification", files=FILE)
    assert late.status_code == 504
    assert "0.05 seconds" in late.json()["detail"]


async def test_a_timeout_inside_the_service_is_not_mistaken_for_the_requests_own(
    client: httpx.AsyncClient, classifier: FakeClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def times_out(model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        raise TimeoutError

    monkeypatch.setattr(classifier, "classify", times_out)
    answer = await client.post("/api/image-classification", files=FILE)
    assert answer.status_code == 500


async def test_a_failure_after_the_answer_began_is_left_to_the_server() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    boundary = RequestBoundary(app, timeout_seconds=5, returns_request_id=True)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(RuntimeError, match="half way"):
        await boundary(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


def streaming(then: Callable[[], Awaitable[None]]) -> ASGIApp:
    """Begins an answer of lines, and goes on with ``then``."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}\n", "more_body": True})
        await then()

    return app


async def last_line(app: ASGIApp) -> Any:
    boundary = RequestBoundary(app, timeout_seconds=0.05, returns_request_id=True)
    transport = httpx.ASGITransport(boundary)
    async with httpx.AsyncClient(transport=transport, base_url="http://vigil") as client:
        response = await client.get("/")
    assert response.status_code == 200
    return json.loads(response.text.splitlines()[-1])


async def test_a_stream_that_takes_too_long_says_so_in_its_last_line() -> None:
    last = await last_line(streaming(asyncio.Event().wait))  # type: ignore[arg-type]
    assert last["event"] == "error"
    assert last["problem"]["status"] == 504


async def test_a_stream_that_fails_says_so_in_its_last_line_without_telling_why() -> None:
    async def fails() -> None:
        raise RuntimeError("half way")

    last = await last_line(streaming(fails))
    assert last["problem"]["status"] == 500
    assert "half way" not in last["problem"]["detail"]


class TestReservingBytes:
    """`reserve_bytes`, for what comes into memory beside the body."""

    def bounds(self, app: ASGIApp) -> UploadBounds:
        return UploadBounds(app, max_request_bytes=100, max_inflight_bytes=150)

    async def ask(self, bounds: UploadBounds, body: bytes = b"") -> httpx.Response:
        transport = httpx.ASGITransport(bounds)
        async with httpx.AsyncClient(transport=transport, base_url="http://vigil") as client:
            return await client.post("/", content=body)

    async def test_it_counts_until_the_request_ends(self) -> None:
        counted, go_on = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            reserve_bytes(scope, 40)
            reserve_bytes(scope, 90)
            counted.set()
            await go_on.wait()
            await Response()(scope, receive, send)

        bounds = self.bounds(app)
        first = asyncio.create_task(self.ask(bounds))
        await counted.wait()
        assert (await self.ask(bounds, b"x" * 61)).status_code == 503
        go_on.set()
        assert (await first).status_code == 200
        assert (await self.ask(bounds)).status_code == 200

    async def test_the_body_and_what_comes_beside_it_share_one_requests_bound(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            reserve_bytes(scope, 40)
            with pytest.raises(MediaTooLargeError):
                reserve_bytes(scope, 41)
            await Response()(scope, receive, send)

        assert (await self.ask(self.bounds(app), b"x" * 60)).status_code == 200

    async def test_a_body_of_unknown_length_is_counted_on_top(self) -> None:
        seen: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            reserve_bytes(scope, 60)
            while not seen or seen[-1] == "http.request":
                seen.append((await receive())["type"])
            await Response()(scope, receive, send)  # to nobody: the client has its answer

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(9):
                yield b"x" * 10

        transport = httpx.ASGITransport(self.bounds(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://vigil") as client:
            refused = await client.post("/", content=chunks())
        assert refused.status_code == 413
        assert refused.headers["connection"] == "close"
        assert seen == ["http.request"] * 4 + ["http.disconnect"]


async def test_32_clients_at_once_get_what_one_client_gets(client: httpx.AsyncClient) -> None:
    levels = np.linspace(0, 1, 32)

    async def ask(level: float) -> object:
        files = {"file": ("a.png", still(float(level), size=(300, 200)))}
        response = await client.post("/api/image-classification", files=files)
        assert response.status_code == 200
        return response.json()

    one_by_one = [await ask(level) for level in levels]
    assert await asyncio.gather(*(ask(level) for level in levels)) == one_by_one
    assert len({str(answer) for answer in one_by_one}) == 32
