"""``POST /v1/videos`` with ``Accept: application/x-ndjson``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from deployments.errors import CorruptMediaError, OverloadedError, VigilError
from deployments.video.analysis import LabelFound, Progress
from deployments.video.fake import FakeVideoAnalyst

from .live import Gate, LiveRequest
from .media import MP4, animation, still

PATH = "/v1/videos"
FILE = {"file": ("a.mp4", MP4)}
STREAM = {"Accept": "application/x-ndjson"}
FOUND = LabelFound("nsfw", 21, 2.0, 0.75)


def posted(data: bytes = MP4, **params: object) -> httpx.Request:
    files = {"file": ("a", data)}
    url = f"http://vigil{PATH}"
    return httpx.Request("POST", url, files=files, params=params, headers=STREAM)  # type: ignore[arg-type]


async def lines(client: httpx.AsyncClient, data: bytes = MP4, **params: object) -> list[Any]:
    response = await client.send(posted(data, **params))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


async def test_findings_come_before_the_result_which_is_the_plain_answer(
    client: httpx.AsyncClient,
) -> None:
    plain = (await client.post(PATH, files=FILE)).json()
    events = await lines(client)
    assert events[-1] == {"event": "result", **plain}
    [finding] = [event for event in events if event["event"] == "finding"]
    assert finding == {
        "event": "finding",
        "label": "nsfw",
        "frame": 21,
        "time_seconds": 2.0,
        "score": pytest.approx(0.9),
    }
    progress = [event for event in events if event["event"] == "progress"]
    assert progress
    assert set(progress[0]) == {"event", "time_seconds", "fraction"}


async def test_the_first_finding_is_sent_while_the_analysis_goes_on(
    make_app: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    gate = Gate()
    videos.play(FOUND, gate, None)
    live = LiveRequest(await make_app(), posted())
    status, headers = await live.start()
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    assert headers["x-request-id"]
    line = await live.line()
    assert (line["event"], line["frame"]) == ("finding", 21)
    await gate.reached.wait()
    assert not videos.closed.is_set()
    gate.set()
    while (line := await live.line())["event"] != "result":
        pass
    assert line["flagged"] is True
    await live.task


@pytest.mark.parametrize(
    ("script", "status"),
    [([CorruptMediaError("Damaged.")], 422), ([OverloadedError("Full.", 7)], 503)],
)
async def test_an_error_before_the_first_line_has_its_status(
    client: httpx.AsyncClient, videos: FakeVideoAnalyst, script: list[VigilError], status: int
) -> None:
    videos.play(*script)
    response = await client.send(posted())
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    if status == 503:
        assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("data", "params", "status"),
    [(b"hello", {}, 415), (still(0.5), {}, 415), (MP4, {"labels": "cat"}, 422)],
)
async def test_so_have_mistakes_of_the_client(
    client: httpx.AsyncClient, data: bytes, params: dict[str, str], status: int
) -> None:
    assert (await client.send(posted(data, **params))).status_code == status


async def test_a_later_error_is_the_last_line(
    client: httpx.AsyncClient, videos: FakeVideoAnalyst
) -> None:
    videos.play(Progress(1.0, 0.5), CorruptMediaError("Damaged."))
    first, last = await lines(client)
    assert first == {"event": "progress", "time_seconds": 1.0, "fraction": 0.5}
    assert last["event"] == "error"
    assert (last["problem"]["status"], last["problem"]["detail"]) == (422, "Damaged.")


async def test_the_requests_deadline_is_told_in_the_last_line(
    make_client: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    videos.play(FOUND, Gate())
    client = await make_client(request_timeout_seconds=1.0)
    first, last = await lines(client)
    assert first["event"] == "finding"
    assert last["problem"]["status"] == 504
    assert videos.closed.is_set()


async def test_a_client_that_goes_away_ends_the_analysis(
    make_app: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    videos.play(Progress(1.0, 0.5), Gate())
    live = LiveRequest(await make_app(), posted())
    await live.start()
    await live.line()
    assert not videos.closed.is_set()
    live.go_away()
    await live.task
    assert videos.closed.is_set()


async def test_animations_stream_too(client: httpx.AsyncClient) -> None:
    events = await lines(client, animation([0.1, 0.9, 0.1]))
    assert [event["frame"] for event in events if event["event"] == "finding"] == [2]
    assert events[-1]["media"]["type"] == "animation"
