"""What both clients do when the service fails, is restarted, or is not there."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from deployments.video.analysis import Progress as AnalysisProgress
from tests.assets.loopback_service import LoopbackService, loopback_service
from tests.contract.client.conftest import QUICK, Asks
from tests.unit.serve_app.media import MP4, still
from vigil_client import (
    AnswerError,
    ConnectionFailedError,
    CorruptMediaError,
    Finding,
    OverloadedError,
    Progress,
    Retries,
    Retry,
    TimedOutError,
)
from vigil_client.answers import EventLines
from vigil_client.retries import retry_after_seconds

RED = still(0.9)


@pytest.mark.parametrize("status", [429, 502, 503])
async def test_a_refusal_that_passes_is_tried_again(
    client: Asks, service: LoopbackService, status: int
) -> None:
    service.interpose(status, {"Retry-After": "0"})
    assert (await client.call("image", RED)).flagged is True
    service.interpose(status)
    assert (await client.call("video", MP4)).flagged is True
    service.interpose(status)
    assert (await client.watch(MP4))[-1].flagged is True  # type: ignore[union-attr]
    assert len(service.paths) == 6


@pytest.mark.parametrize("status", [400, 404, 500, 504])
async def test_a_refusal_that_stays_is_not(
    client: Asks, service: LoopbackService, status: int
) -> None:
    service.interpose(status, body=b"<html>secret page</html>")
    with pytest.raises(AnswerError) as caught:
        await client.call("image", RED)
    assert caught.value.status == status
    assert "secret" not in str(caught.value)
    assert len(service.paths) == 1


async def test_it_gives_up_after_the_last_try(
    connect: Callable[..., Asks], service: LoopbackService
) -> None:
    told: list[Retry] = []
    retries = Retries(attempts=3, first_wait_seconds=0.001, on_retry=told.append)
    client = connect(service.url, retries=retries)
    for _ in range(3):
        service.interpose(503)
    with pytest.raises(OverloadedError):
        await client.call("image", RED)
    assert [retry.attempt for retry in told] == [1, 2]
    assert len(service.paths) == 3


async def test_it_waits_as_long_as_the_service_asks_and_no_longer_than_it_may(
    connect: Callable[..., Asks], service: LoopbackService
) -> None:
    told: list[Retry] = []
    client = connect(service.url, retries=Retries(on_retry=told.append))
    service.interpose(503, {"Retry-After": "0"})
    await client.call("image", RED)
    assert [retry.wait_seconds for retry in told] == [0]
    service.interpose(503, {"Retry-After": "3600"})
    with pytest.raises(OverloadedError):
        await client.call("image", RED)


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_seconds("7") == 7
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after_seconds(soon) == pytest.approx(60, abs=5)
    past = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    assert retry_after_seconds(past) == 0
    assert [retry_after_seconds(value) for value in (None, "soon", "-1", "²")] == [None] * 4


async def test_a_restart_of_the_service_is_waited_for(connect: Callable[..., Asks]) -> None:
    with loopback_service() as service:
        loop = asyncio.get_running_loop()
        down = asyncio.Event()
        retries = Retries(
            attempts=None,
            first_wait_seconds=0.02,
            max_wait_seconds=0.05,
            on_retry=lambda _: loop.call_soon_threadsafe(down.set),
        )
        client = connect(service.url, retries=retries)
        assert (await client.call("image", RED)).flagged is True  # its connection goes stale
        await asyncio.to_thread(service.stop)
        asked = asyncio.create_task(client.call("image", RED))
        await down.wait()
        await asyncio.to_thread(service.start)
        assert (await asked).flagged is True


async def test_where_nobody_answers_it_says_so(connect: Callable[..., Asks]) -> None:
    with loopback_service() as service:
        url = service.url
    with pytest.raises(ConnectionFailedError, match="does not answer"):
        await connect(url, retries=QUICK).call("models")


async def test_silence_is_a_time_out_and_not_tried_again(
    connect: Callable[..., Asks], service: LoopbackService
) -> None:
    silent = asyncio.Event()
    service.videos.play(AnalysisProgress(1.0, 0.5), silent, None)
    client = connect(service.url, timeout=0.3)
    with pytest.raises(TimedOutError):
        await client.call("video", MP4)
    assert len(service.paths) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Hello</html>",
        b"{}",
        b'{"model": {"name": "m"}, "results": []}',
        b'{"model": {"name": "m"}, "results": [{"index": 0, "filename": "a"}]}',
    ],
    ids=["page", "empty", "no-results", "neither-verdict-nor-problem"],
)
async def test_an_answer_that_does_not_tell_of_the_file_is_an_error(
    connect: Callable[..., Asks], service: LoopbackService, body: bytes
) -> None:
    service.interpose(200, body=body)
    with pytest.raises(ConnectionFailedError):
        await connect(service.url, retries=Retries.none()).call("image", RED)


PROGRESS = b'{"event": "progress", "time_seconds": 1, "fraction": 0.5}\n'


@pytest.mark.parametrize(
    "lines",
    [
        PROGRESS,
        PROGRESS + b'{"event": "result", "flagged": fal',
        PROGRESS + b"<html>\n",
        PROGRESS + b'{"event": "error"}\n',
        b"",
    ],
    ids=["no-result", "cut-short", "not-json", "no-problem", "nothing"],
)
async def test_a_stream_without_its_result_is_an_error(
    connect: Callable[..., Asks], service: LoopbackService, lines: bytes
) -> None:
    client = connect(service.url, retries=Retries.none())
    for asked in (client.watch(MP4), client.call("video", MP4)):
        service.interpose(200, body=lines)
        with pytest.raises(ConnectionFailedError):
            await asked


async def test_an_event_of_a_later_version_is_passed_over(
    client: Asks, service: LoopbackService
) -> None:
    problem = b'{"status": 422, "detail": "No.", "type": "urn:vigil:problem:corrupt-media"}'
    lines = [b'{"event": "news"}', b'{"event": "error", "problem": ' + problem + b"}", b""]
    service.interpose(200, body=PROGRESS + b"\n".join(lines))
    with pytest.raises(CorruptMediaError, match=r"No\."):
        await client.watch(MP4)


def test_events_are_the_same_however_the_bytes_are_cut() -> None:
    text = PROGRESS + '{"event": "finding", "label": "a\u2028b", "frame": 1, '.encode()
    text += b'"time_seconds": 0, "score": 0.5}\n'
    for step in (1, 7, 1000):
        lines = EventLines(httpx.Response(200))
        events = [e for i in range(0, len(text), step) for e in lines.feed(text[i : i + step])]
        assert [type(event) for event in events] == [Progress, Finding]


async def test_an_address_that_is_none_is_refused_at_once(connect: Callable[..., Asks]) -> None:
    with pytest.raises(ValueError, match="http://"):
        connect("localhost:8000")


def test_errors_survive_a_process_pool() -> None:
    error = CorruptMediaError("Damaged.", status=422, code="corrupt-media", request_id="r")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.__dict__) == (CorruptMediaError, error.__dict__)
