from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

import pytest

from benchmarks.load import File, Load, LoadError, Observer, Plan, Request, drive, upload

FILES = [File(f"file-{i}.jpg", "image/jpeg", bytes([i]) * 100_000) for i in range(3)]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the names of the files that it got, or as the test wants."""

    protocol_version = "HTTP/1.1"
    status = 200
    closes = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        names = ",".join(str(part.get_filename()) for part in form(self.headers, body))
        self.send_response(self.status)
        if self.closes:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(names)))
        self.end_headers()
        self.wfile.write(names.encode())

    def log_message(self, *_: object) -> None:
        pass


def form(headers: Message, body: bytes) -> list[Message]:
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    return list(message.iter_parts())


@contextmanager
def serving(handler: type[Handler]) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def run(port: int, requests: list[Request], plan: Plan, observer: Observer | None = None) -> Load:
    return drive("127.0.0.1", port, requests, plan, observer or Observer())


def test_an_upload_carries_the_files_unchanged_and_in_order() -> None:
    request = upload("/path", "files", FILES)
    headers = Message()
    headers["Content-Type"] = request.headers["Content-Type"]
    parts = form(headers, request.body)
    assert [part.get_filename() for part in parts] == [file.name for file in FILES]
    assert [part.get_payload(decode=True) for part in parts] == [file.data for file in FILES]
    assert int(request.headers["Content-Length"]) == len(request.body)


def test_every_answer_is_kept_with_the_files_that_it_answers() -> None:
    requests = [upload("/", "file", [file]) for file in FILES]
    with serving(Handler) as port:
        load = run(port, requests, Plan(2, 0.0, float("inf"), max_requests=9))
    assert len(load.answers) == 9
    assert all(answer.body.decode() == answer.files[0] for answer in load.answers)
    assert {answer.files for answer in load.answers} == {(file.name,) for file in FILES}


def test_images_rather_than_requests_are_counted() -> None:
    with serving(Handler) as port:
        load = run(port, [upload("/", "files", FILES)], Plan(1, 0.0, 0.0, min_answers=4))
    assert load.images == 3 * len(load.completions)
    assert len(load.completions) >= 4
    assert len(load.latencies_seconds) == len(load.completions)


def test_answers_of_the_warm_up_are_kept_for_judging_but_not_counted() -> None:
    seen: list[int] = []
    with serving(Handler) as port:
        load = run(
            port,
            [upload("/", "file", FILES[:1])],
            Plan(1, 0.1, 0.0, min_answers=2),
            Observer(window_starts=lambda: seen.append(1), window_ends=lambda: seen.append(2)),
        )
    assert len(load.answers) > len(load.completions) >= 2
    assert seen == [1, 2]


def test_a_failing_status_is_kept() -> None:
    class Failing(Handler):
        status = 503

    with serving(Failing) as port:
        load = run(port, [upload("/", "file", FILES[:1])], Plan(1, 0, 1, max_requests=3))
    assert [answer.status for answer in load.answers] == [503] * 3


def test_a_connection_that_the_server_ends_after_an_answer_is_opened_anew() -> None:
    class Closing(Handler):
        closes = True

    with serving(Closing) as port:
        load = run(port, [upload("/", "file", FILES[:1])], Plan(1, 0, 1, max_requests=3))
    assert [answer.status for answer in load.answers] == [200] * 3
    assert load.reconnects == 3


def test_a_connection_that_the_server_ends_without_an_answer_is_an_error() -> None:
    class Rude(Handler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.close_connection = True

    with serving(Rude) as port, pytest.raises(LoadError, match="closed a connection"):
        run(port, [upload("/", "file", FILES[:1])], Plan(1, 0, 1, max_requests=3))


def test_a_connection_that_the_server_ends_once_it_is_idle_is_no_error() -> None:
    answered = threading.Event()

    class Impatient(Handler):
        def do_POST(self) -> None:
            # The first request ends its connection without saying so; the second waits for that.
            last = answered.is_set()
            answered.set()
            super().do_POST()
            self.close_connection = not last

    with serving(Impatient) as port:
        load = run(port, [upload("/", "file", FILES[:1])], Plan(2, 0, 1, max_requests=2))
    assert [answer.status for answer in load.answers] == [200, 200]
