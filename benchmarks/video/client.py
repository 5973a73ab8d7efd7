"""Sends a video to the running service and listens to what it tells, and when."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks.json_file import Json
from benchmarks.load import File, Request, upload
from benchmarks.servers import HOST

_TIMEOUT_SECONDS = 1800.0
_SEND_BYTES = 1 << 20


class AnswerError(RuntimeError):
    """The service refused, or broke off."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """One answer of ``/v1/videos``."""

    seconds: float
    """From the first byte sent to the last one received."""
    first_finding_seconds: float | None
    """From the first byte sent to the first ``finding``; None where there was none."""
    result: Mapping[str, Json] = field(repr=False)
    """The last event."""

    def section(self, name: str) -> Mapping[str, Json]:
        """An object of the result."""
        section = self.result[name]
        assert isinstance(section, Mapping)
        return section

    def count(self, name: str) -> int:
        """One of the numbers of ``coverage``."""
        return int(str(self.section("coverage")[name]))

    @property
    def scores(self) -> list[float]:
        """``nsfw`` of every look; only where ``include=scores`` was asked."""
        scores = self.section("series")["scores"]
        assert isinstance(scores, Mapping)
        column = scores["nsfw"]
        assert isinstance(column, list)
        return [float(str(score)) for score in column]


def analyse(port: int, video: File, **query: str | float) -> Analysed:
    """``POST /v1/videos``, streamed.

    Raises:
        AnswerError: Another status than 200, or an error while it ran.
    """
    request = upload(f"/v1/videos?{urlencode({'labels': 'nsfw', **query})}", "file", [video])
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    try:
        started = time.perf_counter()
        response = _sent(connection, request, {"Accept": "application/x-ndjson"})
        found: float | None = None
        while line := response.readline():
            event = json.loads(line)
            now = time.perf_counter() - started
            if event["event"] == "finding" and found is None:
                found = now
            if event["event"] == "result":
                response.read()
                return Analysed(time.perf_counter() - started, found, event)
            if event["event"] == "error":
                raise AnswerError(str(event["problem"]))
        raise AnswerError("the stream ended without a result")
    finally:
        connection.close()


def find(port: int, video: File, **query: str | float | list[str]) -> tuple[float, Json]:
    """``POST /api/video-classification``: seconds, and the answer.

    Raises:
        AnswerError: Another status than 200.
    """
    request = upload(f"/api/video-classification?{urlencode(query, doseq=True)}", "file", [video])
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    try:
        started = time.perf_counter()
        answer: Json = json.loads(_sent(connection, request, {}).read())
        return time.perf_counter() - started, answer
    finally:
        connection.close()


def _sent(
    connection: http.client.HTTPConnection, request: Request, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    connection.putrequest("POST", request.path)
    for name, value in {**request.headers, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with memoryview(request.body) as body:
        for start in range(0, len(body), _SEND_BYTES):
            connection.send(body[start : start + _SEND_BYTES])
    response = connection.getresponse()
    if response.status != 200:
        raise AnswerError(f"status {response.status}: {response.read(2000)!r}")
    return response
