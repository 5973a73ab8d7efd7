from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.errors import MediaTooLargeError, VigilError
from serve_app import gate
from serve_app.admission import LaneLimits
from serve_app.config import resolve
from serve_app.gate import CONTROL_HEADERS, Gate, GateRules, ServerGate, middleware, open_gate

RULES = GateRules(LaneLimits(2), LaneLimits(1), max_request_bytes=100, max_inflight_bytes=1000)
IMAGES, VIDEOS = "/v1/images", "/v1/videos"


class Held:
    """Answers with what it got, once it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.under_way = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.under_way.release()
        if request.method == "POST":
            await self.may_answer.wait()
        answer = JSONResponse({"headers": dict(request.headers), "bytes": len(body)})
        await answer(scope, receive, send)


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vigil")


async def test_media_beyond_the_lane_is_refused_and_everything_else_passes() -> None:
    held = Held()
    client = client_of(Gate(held, RULES))
    posts = [asyncio.create_task(client.post(path)) for path in (IMAGES, IMAGES, VIDEOS)]
    for _ in posts:
        await held.under_way.acquire()
    for path in (IMAGES, VIDEOS):
        refused = await client.post(path, headers={"X-Request-ID": "me"})
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-request-id"] == "me"
        assert refused.headers["content-type"] == "application/problem+json"
    assert (await client.get("/healthz")).status_code == 200
    held.may_answer.set()
    assert [answer.status_code for answer in await asyncio.gather(*posts)] == [200] * 3
    assert (await client.post(IMAGES)).status_code == 200


async def test_a_request_that_fails_gives_its_place_back() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("failed")

    client = client_of(Gate(failing, RULES))
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await client.post(IMAGES)


@pytest.fixture
def no_rules_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rules before, and none of this test's after it."""
    monkeypatch.setattr(gate, "_rules", None)


@pytest.mark.usefixtures("no_rules_left")
async def test_orders_to_serve_are_stripped_whether_or_not_there_are_rules() -> None:
    held = Held()
    held.may_answer.set()
    (made,) = middleware()
    client = client_of(made.cls(held))
    orders = {name.decode().title(): "1" for name in CONTROL_HEADERS}
    for rules in (None, RULES):
        if rules:
            open_gate(rules)
        seen = (await client.post(IMAGES, headers={**orders, "X-Other": "kept"})).json()["headers"]
        assert seen["x-other"] == "kept"
        assert not set(seen) & {name.lower() for name in orders}


@pytest.mark.usefixtures("no_rules_left")
async def test_a_request_is_counted_by_the_outer_gate_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = Held()
    held.may_answer.set()
    narrow = GateRules(LaneLimits(1), LaneLimits(1), max_request_bytes=1, max_inflight_bytes=1)
    open_gate(RULES)
    client = client_of(ServerGate(Gate(held, narrow, expects_server_gate=True)))
    answer = await client.post(IMAGES, content=b"four")
    assert answer.json()["bytes"] == 4
    assert not caplog.records


async def test_a_server_without_its_gate_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    client = client_of(Gate(held, RULES, expects_server_gate=True))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await client.get("/healthz")
    (record,) = caplog.records
    assert "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH" in record.message


def test_the_rules_are_what_was_configured() -> None:
    config = resolve(
        {
            "ingress": {"max_concurrent_requests": 7, "max_wait_seconds": 3},
            "video": {
                "max_concurrent_videos": 2,
                "max_waiting_videos": 5,
                "replicas": {"min": 1, "max": 4},
            },
        },
        {},
    )
    rules = GateRules.of(config)
    assert rules.images == LaneLimits(7, 3)
    assert rules.videos == LaneLimits(13)
    assert rules.max_request_bytes == config.limits.max_request_bytes


@pytest.mark.usefixtures("no_rules_left")
async def test_refusals_of_the_servers_gate_are_told() -> None:
    held, refused = Held(), list[VigilError]()
    held.may_answer.set()
    open_gate(RULES, refused.append)
    client = client_of(ServerGate(held))
    assert (await client.post(IMAGES, content=b"x" * 101)).status_code == 413
    assert (await client.post(IMAGES, content=b"fits")).status_code == 200
    assert [type(error) for error in refused] == [MediaTooLargeError]
