from __future__ import annotations

import asyncio
import logging

import pytest
from starlette.types import Message

from deployments.errors import OverloadedError
from serve_app import refusals
from serve_app.refusals import MAX_READ_BYTES, refuse


class Exchange:
    """One request whose body comes in parts, and what was sent for it."""

    def __init__(self, parts: int, **headers: str) -> None:
        self.scope = {
            "type": "http",
            "path": "/v1/images",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self.left = parts
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        self.left -= 1
        if self.left < 0:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"x", "more_body": self.left > 0}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def refused(self) -> int:
        await refuse(OverloadedError("later", 3), self.scope, self.receive, self.send)
        headers = dict(self.sent[0]["headers"])
        assert headers[b"retry-after"] == b"3"
        assert headers[b"x-request-id"]
        return int(self.sent[0]["status"])


async def test_a_small_body_is_read_before_the_answer_so_that_the_connection_stays() -> None:
    exchange = Exchange(3, content_length="300")
    assert await exchange.refused() == 503
    assert exchange.left == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"content_length": str(MAX_READ_BYTES + 1)},
        {"content_length": "9" * 5000},
        {"content_length": "many"},
        {"content_length": "0"},
        {"content_length": "300", "expect": "100-continue"},
        {},
    ],
)
async def test_other_bodies_are_not(headers: dict[str, str]) -> None:
    exchange = Exchange(3, **headers)
    assert await exchange.refused() == 503
    assert exchange.left == 3


async def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refusals, "READ_SECONDS", 0.01)
    exchange = Exchange(0, content_length="300")
    with caplog.at_level(logging.ERROR):
        assert await exchange.refused() == 503
    assert not caplog.records
