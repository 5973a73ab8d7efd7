"""Answers that tell how the work goes while it runs: one JSON object a line (NDJSON).

An error before the first line is an ordinary problem answer with its status. Later ones are the
last line, because the status is gone by then.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.errors import VigilError
from deployments.telemetry.request import note_problem
from serve_app.disconnects import unless_disconnected
from serve_app.problems import body_of, kind_of
from serve_app.schemas import Json

MEDIA_TYPE = "application/x-ndjson"

HEARTBEAT_SECONDS = 5.0
"""Longest silence; proxies cut connections that are silent for longer, 30 to 60 seconds mostly."""

PROGRESS_SECONDS = 0.25
"""Shortest time between two lines of progress, which may come with every frame."""

PROGRESS = "progress"
"""The event that may be left out, and that is repeated when there is nothing new."""

Event = Mapping[str, Json]
"""A JSON object whose ``event`` says what it tells."""


def is_asked_for(request: Request) -> bool:
    """Whether the request's ``Accept`` names `MEDIA_TYPE`."""
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(part.split(";")[0].strip() == MEDIA_TYPE for part in accepted)


def error_line(problem: Mapping[str, Json]) -> bytes:
    """The last line of a stream that failed."""
    return _line({"event": "error", "problem": dict(problem)})


class EventStream(Response):
    """Sends events as they come; a client that goes away closes their source.

    Args:
        events: What to send, in order.
        heartbeat_seconds: After so much silence the last progress is told again.
        progress_seconds: Progress that comes sooner after the last one is left out.
        clock: Seconds, for ``progress_seconds``.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        events: AsyncGenerator[Event, None],
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        progress_seconds: float = PROGRESS_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status_code = 200
        self.background = None
        # Proxies that gather an answer before they pass it on are asked not to.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events
        self._heartbeat_seconds = heartbeat_seconds
        self._progress_seconds = progress_seconds
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            VigilError: What the source raised before there was anything to send.
        """
        await unless_disconnected(receive, self._run(_Lines(send, self)))

    async def _run(self, lines: _Lines) -> None:
        heartbeat = asyncio.create_task(lines.keep_alive(self._heartbeat_seconds))
        told_at = float("-inf")
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    if event["event"] == PROGRESS:
                        now = self._clock()
                        if now - told_at < self._progress_seconds:
                            continue
                        told_at = now
                    await lines.send(event)
        except VigilError as error:
            if not lines.started:
                raise
            note_problem(kind_of(error).name)
            await lines.send({"event": "error", "problem": body_of(error)})
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        await lines.end()


class _Lines:
    """Writes lines, from one task at a time; the first one begins the answer."""

    def __init__(self, send: Send, response: Response) -> None:
        self._send = send
        self._response = response
        self._turn = asyncio.Lock()
        self._written = asyncio.Event()
        self._progress: Event = {"event": PROGRESS, "time_seconds": 0.0, "fraction": 0.0}
        self.started = False

    async def send(self, event: Event) -> None:
        if event["event"] == PROGRESS:
            self._progress = event
        async with self._turn:
            if not self.started:
                self.started = True
                await self._send(
                    {
                        "type": "http.response.start",
                        "status": self._response.status_code,
                        "headers": self._response.raw_headers,
                    }
                )
            body = _line(event)
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self._written.set()

    async def keep_alive(self, seconds: float) -> None:
        """Repeat the last progress after every silence of so many seconds."""
        while True:
            self._written.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._written.wait()
            except TimeoutError:
                await self.send(self._progress)

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _line(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n"
