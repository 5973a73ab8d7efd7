from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from deployments.errors import TooManyRequestsError, VigilError
from serve_app.config import ConfigError, resolve
from serve_app.key_limits import Share
from serve_app.perimeter import AccessRules, Perimeter

from .media import still

ROOT = Path(__file__).parents[3]
KEY = {"X-API-Key": "a-key"}


def made_key() -> tuple[str, str]:
    """A key and its hash, as the script makes them."""
    done = subprocess.run(
        [ROOT / "scripts" / "make-api-key", "mobile"], capture_output=True, text=True, check=True
    )
    key, hashed = re.search(r"vigil_\w+", done.stdout), re.search(r"sha256: (\w+)", done.stdout)
    assert key is not None
    assert hashed is not None
    return key[0], hashed[1]


class Inside:
    """Says that a request came through, once it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.came = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came.release()
        await self.may_answer.wait()
        await JSONResponse({"path": scope["path"]})(scope, receive, send)


def client_of(inside: Inside, refusals: list[VigilError] | None = None, **access: object) -> Any:
    config = resolve({"access": access}, {"API_KEYS": "a-key,b-key"})
    app = Perimeter(
        inside, AccessRules.of(config), refused=(refusals if refusals is not None else []).append
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vigil")


async def test_a_key_that_the_script_made_is_accepted_by_its_hash(
    make_client: Callable[..., Any],
) -> None:
    key, hashed = made_key()
    client = await make_client({}, access={"keys": [{"name": "mobile", "sha256": hashed}]})
    send = {"files": {"files": ("a.png", still(0.5))}}
    assert (await client.post("/v1/images", **send)).status_code == 401
    accepted = await client.post("/v1/images", **send, headers={"X-API-Key": key})
    assert accepted.status_code == 200
    # Who reads the configuration has no key.
    assert (
        await client.post("/v1/images", **send, headers={"X-API-Key": hashed})
    ).status_code == 401


def test_a_key_is_long_and_another_one_every_time() -> None:
    keys = {made_key()[0] for _ in range(3)}
    assert len(keys) == 3
    assert all(re.fullmatch("vigil_[0-9a-f]{64}", key) for key in keys)


def test_the_configuration_keeps_no_plain_key() -> None:
    config = resolve({}, {"API_KEYS": "very-secret"})
    assert "very-secret" not in repr(config) + config.model_dump_json()


@pytest.mark.parametrize(
    ("access", "named"),
    [
        ({"keys": [{"name": "a", "sha256": "plain"}]}, "access.keys.0.sha256"),
        ({"keys": [{"name": "a", "sha256": "0" * 64}] * 2}, "more than once"),
        ({"requests_per_minute": 0}, "access.requests_per_minute"),
        ({"cors_origins": ["https://a.example/page"]}, "is no origin"),
        ({"cors_origins": ["a.example"]}, "is no origin"),
    ],
)
def test_a_mistake_in_the_section_is_named(access: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        resolve({"access": access}, {})


async def test_without_a_key_nothing_comes_in_and_the_refusal_is_told() -> None:
    inside, refusals = Inside(), list[VigilError]()
    client = client_of(inside, refusals)
    for path in ("/api/image-classification", "/v1/images", "/under/v1/images"):
        refused = await client.post(path, headers={"X-Request-ID": "mine"})
        assert refused.status_code == 401
        assert refused.headers["x-request-id"] == "mine"
        assert refused.headers["www-authenticate"]
    assert len(refusals) == 3
    assert (await client.get("/healthz")).status_code == 200


async def test_each_key_has_its_own_rate_and_is_told_when_to_come_again() -> None:
    client = client_of(Inside(), requests_per_minute=3)
    answers = [await client.get("/v1/models", headers=KEY) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
    assert answers[-1].json()["type"] == "urn:vigil:problem:too-many-requests"
    assert (await client.get("/v1/models", headers={"X-API-Key": "b-key"})).status_code == 200
    assert (await client.get("/readyz", headers=KEY)).status_code == 200


async def test_a_key_may_have_so_many_requests_under_way() -> None:
    inside = Inside()
    inside.may_answer.clear()
    client = client_of(inside, max_concurrent_requests=2)
    under_way = [asyncio.create_task(client.get("/v1/models", headers=KEY)) for _ in range(2)]
    for _ in under_way:
        await inside.came.acquire()
    refused = await client.get("/v1/models", headers=KEY)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    under_way.pop().cancel()  # a client that went away gives its place back
    inside.may_answer.set()
    assert [answer.status_code for answer in await asyncio.gather(*under_way)] == [200]
    assert (await client.get("/v1/models", headers=KEY)).status_code == 200


def test_a_share_fills_evenly_over_a_minute() -> None:
    now = 100.0
    share = Share(60, None, lambda: now)

    def may_enter() -> bool:
        try:
            share.enter()
        except TooManyRequestsError:
            return False
        share.leave()
        return True

    assert sum(may_enter() for _ in range(100)) == 60
    now += 10
    assert sum(may_enter() for _ in range(100)) == 10
    now += 1000
    assert sum(may_enter() for _ in range(100)) == 60


def test_less_than_one_request_a_minute_is_a_rate_too() -> None:
    now = 0.0
    share = Share(0.5, None, lambda: now)
    share.enter()
    with pytest.raises(TooManyRequestsError) as refused:
        share.enter()
    assert refused.value.retry_after_seconds == 120
    now += 120
    share.enter()


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/healthz", "/v1/models", "/no/such"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    for accept in ("*/*", "text/html"):
        headers = (await client.get(path, headers={"Accept": accept})).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_verdicts_are_not_kept_by_caches(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/images", files={"files": ("a.png", still(0.5))})
    assert answer.headers["cache-control"] == "no-store"


async def test_pages_of_other_origins_may_not_call_by_default(client: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        await client.options("/v1/images", headers=asked),
        await client.get("/v1/models", headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_pages_of_configured_origins_may_call(make_client: Callable[..., Any]) -> None:
    access = {"cors_origins": ["https://app.example"]}
    client = await make_client({"API_KEYS": "a-key"}, access=access)
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key",
    }
    transport = client._transport  # a preflight's answer is neither JSON nor a problem
    async with httpx.AsyncClient(transport=transport, base_url="http://vigil") as plain:
        allowed = await plain.options("/v1/images", headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        refused = await plain.options(
            "/v1/images", headers={**asked, "Origin": "https://evil.example"}
        )
        assert "access-control-allow-origin" not in refused.headers
    # A refusal can be read by the page, too.
    answer = await client.get("/v1/models", headers={"Origin": "https://app.example"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
