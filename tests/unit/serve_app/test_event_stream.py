"""Events line by line: their order and pace, and what becomes of errors and clients that leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from deployments.errors import CorruptMediaError, OverloadedError, VigilError
from serve_app.event_stream import Event, EventStream, is_asked_for

from .live import LiveRequest

GET = httpx.Request("GET", "http://vigil/")
FINDING: Event = {"event": "finding", "label": "nsfw"}
RESULT: Event = {"event": "result"}


def progress(seconds: float) -> Event:
    return {"event": "progress", "time_seconds": seconds, "fraction": 0.5}


class Source:
    """Yields events, waits where an `asyncio.Event` stands, raises errors."""

    def __init__(self, *steps: Event | asyncio.Event | VigilError) -> None:
        self._steps: Iterable[Any] = steps
        self.closed = False

    async def events(self) -> AsyncGenerator[Event, None]:
        try:
            for step in self._steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, VigilError):
                    raise step
                else:
                    yield step
        finally:
            self.closed = True


def lines_of(messages: list[Any]) -> list[Any]:
    return [json.loads(m["body"]) for m in messages if m.get("body")]


async def everything(stream: EventStream) -> list[Any]:
    """All messages of a stream to a client that stays."""
    live = LiveRequest(stream, GET)
    messages = [await live.message()]
    while messages[-1]["type"] == "http.response.start" or messages[-1].get("more_body"):
        messages.append(await live.message())
    await live.task
    return messages


async def test_events_come_in_order_behind_headers_that_forbid_holding_them_back() -> None:
    source = Source(progress(1), FINDING, RESULT)
    head, *body = await everything(EventStream(source.events()))
    assert head["status"] == 200
    assert dict(head["headers"]) == {
        b"content-type": b"application/x-ndjson",
        b"cache-control": b"no-store",
        b"x-accel-buffering": b"no",
    }
    assert lines_of(body) == [progress(1), FINDING, RESULT]
    assert body[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert source.closed


async def test_a_line_is_sent_before_the_next_event_is_there() -> None:
    gate = asyncio.Event()
    live = LiveRequest(EventStream(Source(FINDING, gate, RESULT).events()), GET)
    await live.start()
    assert await live.line() == FINDING
    gate.set()
    assert await live.line() == RESULT
    await live.task


async def test_progress_is_thinned_out_and_nothing_else_is() -> None:
    ticks = iter([0.0, 0.1, 0.24, 0.25, 0.3, 0.51])
    events = [progress(i) for i in range(6)]
    source = Source(*events[:3], FINDING, FINDING, *events[3:], RESULT)
    stream = EventStream(source.events(), progress_seconds=0.25, clock=lambda: next(ticks))
    sent = lines_of(await everything(stream))
    assert sent == [events[0], FINDING, FINDING, events[3], events[5], RESULT]


async def test_silence_is_filled_with_the_last_progress() -> None:
    gate = asyncio.Event()
    source = Source(progress(3), gate, RESULT)
    live = LiveRequest(EventStream(source.events(), heartbeat_seconds=0.01), GET)
    await live.start()
    assert [await live.line() for _ in range(3)] == [progress(3)] * 3
    gate.set()
    while (line := await live.line()) != RESULT:
        assert line == progress(3)
    await live.task


async def test_silence_before_the_first_event_begins_the_answer() -> None:
    gate = asyncio.Event()
    source = Source(gate, OverloadedError("Full."))
    live = LiveRequest(EventStream(source.events(), heartbeat_seconds=0.01), GET)
    assert (await live.start())[0] == 200
    assert await live.line() == {"event": "progress", "time_seconds": 0.0, "fraction": 0.0}
    gate.set()
    while (line := await live.line())["event"] == "progress":
        pass
    assert line["problem"]["status"] == 503
    await live.task


async def test_an_error_before_the_first_event_is_raised_and_nothing_is_sent() -> None:
    live = LiveRequest(EventStream(Source(CorruptMediaError("Damaged.")).events()), GET)
    with pytest.raises(CorruptMediaError):
        await live.task


async def test_a_later_error_is_the_last_line() -> None:
    source = Source(FINDING, CorruptMediaError("Damaged."))
    sent = lines_of(await everything(EventStream(source.events())))
    assert sent == [
        FINDING,
        {
            "event": "error",
            "problem": {
                "type": "urn:vigil:problem:corrupt-media",
                "title": "Corrupt media",
                "status": 422,
                "detail": "Damaged.",
            },
        },
    ]


async def test_a_client_that_goes_away_closes_the_source() -> None:
    source = Source(FINDING, asyncio.Event(), RESULT)
    live = LiveRequest(EventStream(source.events()), GET)
    await live.start()
    await live.line()
    assert not source.closed
    live.go_away()
    await live.task
    assert source.closed


async def test_a_stream_that_is_cancelled_closes_the_source() -> None:
    source = Source(FINDING, asyncio.Event(), RESULT)
    live = LiveRequest(EventStream(source.events()), GET)
    await live.start()
    await live.line()
    live.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await live.task
    assert source.closed


@pytest.mark.parametrize(
    ("accept", "asked"),
    [
        ("application/x-ndjson", True),
        ("Application/X-NDJSON; charset=utf-8, application/json;q=0.5", True),
        ("application/problem+json,application/x-ndjson", True),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_only_a_client_that_names_the_type_gets_a_stream(accept: str, asked: bool) -> None:
    request = Request({"type": "http", "headers": [(b"accept", accept.encode())]})
    assert is_asked_for(request) is asked
