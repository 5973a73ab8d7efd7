"""The chaos suite's own judgement: a lost or wrong answer must not look like a right one."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos import page
from benchmarks.chaos.http import Connection, Reply
from benchmarks.chaos.load import Clients, Seen
from benchmarks.chaos.overload import seconds_to_full_speed
from benchmarks.chaos.table import json_of, row_of, text_of
from benchmarks.load import File, upload
from benchmarks.readme import Section

REQUEST = upload("/", "file", [File("a", "image/png", b"a")])
RIGHT = b'[{"label": "nsfw", "score": 0.5}]'


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def server(*answers: bytes | None) -> AsyncIterator[int]:
    """Gives one answer after the other, whatever is asked; None: ends the connection."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        while await reader.read(65536):
            given = left.pop(0)
            if given is None:
                break
            writer.write(given)
        writer.close()
        await writer.wait_closed()

    handlers: list[asyncio.Task[None] | None] = []
    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
    await asyncio.gather(*filter(None, handlers))


async def seen_of(*answers: bytes | None) -> Seen:
    """What one client sees, whose first answer is taken for right."""
    async with server(answer("200 OK", RIGHT), *answers) as port:
        clients = Clients("127.0.0.1", port, [REQUEST])
        await clients.learn()
        return await clients.open_loop(rate=1000, seconds=len(answers) / 1000)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer("200 OK", RIGHT), "right"),
        (answer("200 OK", RIGHT.replace(b"0.5", b"0.5004")), "right"),
        (answer("200 OK", RIGHT.replace(b"0.5", b"0.51")), "wrong"),
        (answer("200 OK", RIGHT.replace(b"nsfw", b"normal")), "wrong"),
        (answer("200 OK", b"[]"), "wrong"),
        (answer("503 Service Unavailable", b"{}", "Retry-After: 1"), "refused"),
        (answer("503 Service Unavailable", b"{}"), "failed"),
        (answer("500 Internal Server Error", b"{}"), "failed"),
        (answer("200 OK", RIGHT)[:-3], "failed"),
        (None, "failed"),
    ],
    ids=range(10),
)
async def test_every_answer_is_judged(
    given: bytes | None, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection.__init__, "__defaults__", (0.5,))
    seen = await seen_of(given)
    counts = {name: len(getattr(seen, name)) for name in ("right", "wrong", "refused", "failed")}
    assert counts == {**dict.fromkeys(counts, 0), kind: 1}


async def test_a_connection_is_opened_again_after_the_server_ended_it() -> None:
    async with server(answer("200 OK", RIGHT, "Connection: close"), answer("200 OK", b"2")) as port:
        connection = Connection("127.0.0.1", port)
        wire = REQUEST.wire("host")
        assert [(await connection.ask(wire)).status for _ in range(2)] == [200, 200]
        connection.close()


def reply(started: float, ended: float) -> Reply:
    return Reply(200, False, b"", started, ended)


def test_recovery_is_the_first_right_answer_to_a_request_sent_after_the_fault() -> None:
    seen = Seen(right=[reply(0, 12), reply(11, 14), reply(12, 13.5)])
    row = row_of("x", seen, times=[10.0])
    assert row.seconds_to_recover == 3.5
    assert row.holds
    assert "| x | 1 | 3 | 0 | 0 | 0 | 3.5 s |" in text_of([row])


@pytest.mark.parametrize("kind", ["failed", "wrong"])
def test_a_lost_or_wrong_answer_does_not_hold(kind: str) -> None:
    seen = Seen(right=[reply(11, 12)])
    getattr(seen, kind).append(reply(11, 12))
    assert not row_of("x", seen, [10.0]).holds
    assert row_of("x", seen, [10.0], allowed_lost=1).holds == (kind == "failed")


def test_what_became_of_lost_requests_is_said() -> None:
    broken = [Reply(0, False, b"", 11, 12), Reply(0, False, b"", 11, 16)]
    seen = Seen(right=[reply(11, 12)], failed=[Reply(503, False, b"", 11, 14), *broken])
    assert row_of("x", seen, [10.0]).complaints == (
        "lost: 2 × no answer, or not all of it, after 5.0 s at most",
        "lost: 1 × status 503, after 3.0 s at most",
    )
    assert row_of("x", seen, [10.0], allowed_lost=3).complaints == ()


def test_a_service_that_does_not_come_back_does_not_hold() -> None:
    assert not row_of("x", Seen(right=[reply(0, 1)]), [10.0]).holds


def batches(first_ends: float, batch_seconds: float, count: int) -> list[Reply]:
    """Of 32 clients whose requests are answered together, and who ask again at once."""
    ends = [first_ends + batch_seconds * number for number in range(count)]
    return [reply(start, end) for start, end in zip([0.0, *ends], ends, strict=False)] * 32


def test_a_slow_models_first_batch_is_no_standstill() -> None:
    assert seconds_to_full_speed(batches(6.4, 6.4, 4), since=0.0, rate=5.0, window=12.8) == 0.0


def test_a_standstill_after_the_overload_counts() -> None:
    answers = batches(20.0, 6.4, 4)
    assert seconds_to_full_speed(answers, since=0.0, rate=5.0, window=12.8) == 20.0


def test_half_the_speed_is_not_full_speed() -> None:
    answers = batches(12.8, 12.8, 4)
    assert seconds_to_full_speed(answers, since=0.0, rate=5.0, window=12.8) == math.inf
    assert seconds_to_full_speed([], since=0.0, rate=5.0, window=12.8) == math.inf


def results(seconds: float, modified: bool = False) -> str:
    figures = dict.fromkeys(page._FIGURES, 2.0)
    row = replace(row_of("10 × capacity", Seen(right=[reply(11, 12)]), [10.0]), figures=figures)
    return json.dumps(
        {
            "machine": {"cores": 2, "cpu": "a CPU"},
            "commit": {"hash": "0123456789abcdef", "modified": modified},
            "seconds": seconds,
            "rows": json_of([row]),
        }
    )


def test_the_page_quotes_a_full_run(tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"
    file.write_text(results(60))
    text = page.text(file)
    assert "| 10 × capacity | 1 | 1 | 0 | 0 | 0 | 2.0 s |" in text
    assert "p99 of accepted requests: 2.0 × at capacity" in text


@pytest.mark.parametrize(
    "content", [results(10), results(60, modified=True)], ids=["short", "dirty"]
)
def test_the_page_quotes_no_run_that_proves_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "chaos.json"
    file.write_text(content)
    with pytest.raises(ValueError):
        page.text(file)


def test_the_page_has_room_for_the_table() -> None:
    section = Section("chaos", page.PAGE, lambda: "the table")
    assert "the table" in section.replaced(page.PAGE.read_text(), "the table")
