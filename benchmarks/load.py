"""A closed-loop HTTP client: so many connections, each with one request in flight.

One thread over non-blocking sockets, requests that lie ready as bytes, answers kept as bytes and
judged after the measurement: it takes about a tenth of a millisecond of CPU per request, which
matters where client and server share two cores. Every answer is kept, so that every status and
every score can be checked.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httptools

from benchmarks.statistics import Completion

MAX_WINDOW_SECONDS = 300.0
"""Of a window that waits for enough answers."""

_READ_BYTES = 1 << 18
_DRAIN_SECONDS = 300.0
_TICK_SECONDS = 2.0
_BOUNDARY = "vigil-benchmark-7f3a1c"


class LoadError(RuntimeError):
    """The server broke off, or left a request unanswered."""


@dataclass(frozen=True, slots=True)
class File:
    """One generated file."""

    name: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """An upload, ready to be sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    files: tuple[str, ...]
    """Names of the files in the body, in order."""

    def wire(self, host: str) -> bytes:
        """The request as it goes over the connection."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, in the window or not."""

    files: tuple[str, ...]
    status: int
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Load:
    """What was seen of the server."""

    completions: list[Completion] = field(default_factory=list)
    """Of the window, in order of time."""
    latencies_seconds: list[float] = field(default_factory=list)
    """Of the window: from the first byte sent to the last byte received."""
    answers: list[Answer] = field(default_factory=list)
    """Of the whole time, warm-up and drain included."""
    window_seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    """Of this client, in the window."""
    reconnects: int = 0
    """Connections that the server ended after an answer, as HAProxy does when it reloads."""

    @property
    def images(self) -> int:
        """Images that were answered for in the window."""
        return sum(completion.images for completion in self.completions)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to send, over how many connections."""

    connections: int
    warmup_seconds: float
    seconds: float
    """Length of the window."""
    min_answers: int = 12
    """The window stays open until there are so many, for at most `MAX_WINDOW_SECONDS`."""
    max_requests: int | None = None
    """Send no more than these, and close the window then."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Called by the client at the edges of the window, and every two seconds in it."""

    window_starts: Callable[[], None] = lambda: None
    tick: Callable[[], None] = lambda: None
    window_ends: Callable[[], None] = lambda: None


def upload(path: str, form_field: str, files: Sequence[File]) -> Request:
    """A ``multipart/form-data`` request with the files, each in the field ``form_field``."""
    parts: list[bytes] = []
    for file in files:
        head = (
            f"--{_BOUNDARY}\r\n"
            f'Content-Disposition: form-data; name="{form_field}"; filename="{file.name}"\r\n'
            f"Content-Type: {file.content_type}\r\n\r\n"
        )
        parts += [head.encode(), file.data, b"\r\n"]
    body = b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(len(body)),
    }
    return Request(path, headers, body, tuple(file.name for file in files))


def drive(
    host: str, port: int, requests: Sequence[Request], plan: Plan, observer: Observer
) -> Load:
    """Send the requests round and round until the plan's time is over; then await the last answers.

    Raises:
        LoadError: A connection broke, or answers are missing.
    """
    return _Client(host, port, requests, plan, observer).run()


class _Connection:
    """One socket; also the parser's protocol, so the method names are httptools'."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.open()
        self.request: Request | None = None
        self.unsent = memoryview(b"")
        self.sent_at = 0.0
        self.body: list[bytes] = []
        self.complete = False
        self.keeps_alive = False

    def open(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        self.complete = True
        self.keeps_alive = self.parser.should_keep_alive()  # not known any more afterwards


class _Client:
    def __init__(
        self,
        host: str,
        port: int,
        requests: Sequence[Request],
        plan: Plan,
        observer: Observer,
    ) -> None:
        self._address = (host, port)
        self._requests = [(request, request.wire(f"{host}:{port}")) for request in requests]
        self._plan = plan
        self._observer = observer
        self._load = Load()
        self._next = 0
        self._selector = selectors.DefaultSelector()
        self._busy = 0
        self._in_window = False

    def run(self) -> Load:
        connections = [_Connection(self._address) for _ in range(self._plan.connections)]
        try:
            for connection in connections:
                self._selector.register(connection.socket, selectors.EVENT_READ, connection)
                self._send_next(connection)
            self._turn_until(time.perf_counter() + self._plan.warmup_seconds)
            self._measure()
            self._drain()
        finally:
            for connection in connections:
                connection.socket.close()
            self._selector.close()
        return self._load

    def _measure(self) -> None:
        self._observer.window_starts()
        self._in_window = True
        cpu, started = time.process_time(), time.perf_counter()
        end = started + self._plan.seconds
        latest = started + max(MAX_WINDOW_SECONDS, self._plan.seconds)
        while not self._used_up():
            now = time.perf_counter()
            few = len(self._load.completions) < self._plan.min_answers
            if now >= (latest if few else end):
                break
            self._turn_until(now + 0.1 if now >= end else min(end, now + _TICK_SECONDS))
            self._observer.tick()
        self._load.client_cpu_seconds = time.process_time() - cpu
        self._load.window_seconds = time.perf_counter() - started
        self._in_window = False
        self._observer.window_ends()

    def _drain(self) -> None:
        self._requests.clear()
        deadline = time.perf_counter() + _DRAIN_SECONDS
        while self._busy:
            if time.perf_counter() > deadline:
                raise LoadError(f"{self._busy} requests were left without an answer")
            self._turn(1.0)

    def _turn_until(self, end: float) -> None:
        while (left := end - time.perf_counter()) > 0 and not (self._used_up() and not self._busy):
            self._turn(left)

    def _turn(self, timeout_seconds: float) -> None:
        for key, events in self._selector.select(timeout_seconds):
            connection: _Connection = key.data
            if events & selectors.EVENT_WRITE:
                self._write(connection)
            if events & selectors.EVENT_READ:
                self._read(connection)

    def _used_up(self) -> bool:
        return self._plan.max_requests is not None and self._next >= self._plan.max_requests

    def _send_next(self, connection: _Connection) -> None:
        if not self._requests or self._used_up():
            return
        connection.request, wire = self._requests[self._next % len(self._requests)]
        self._next += 1
        self._busy += 1
        connection.unsent = memoryview(wire)
        connection.sent_at = time.perf_counter()
        self._write(connection)

    def _reconnect(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.open()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._load.reconnects += 1

    def _write(self, connection: _Connection) -> None:
        waiting = bool(self._selector.get_key(connection.socket).events & selectors.EVENT_WRITE)
        try:
            while connection.unsent:
                connection.unsent = connection.unsent[connection.socket.send(connection.unsent) :]
        except BlockingIOError:
            if not waiting:
                both = selectors.EVENT_READ | selectors.EVENT_WRITE
                self._selector.modify(connection.socket, both, connection)
            return
        except OSError as error:
            raise LoadError(f"the server closed a connection: {error}") from error
        if waiting:
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise LoadError(f"the server closed a connection: {error}") from error
        if not data and connection.request is None:
            self._selector.unregister(connection.socket)  # idle for long, while others are awaited
            return
        if not data:
            raise LoadError("the server closed a connection")
        connection.parser.feed_data(data)
        if connection.complete:
            self._finish(connection)

    def _finish(self, connection: _Connection) -> None:
        now = time.perf_counter()
        request = connection.request
        if request is None or connection.unsent:
            raise LoadError("the server answered before it had the whole request")
        status = connection.parser.get_status_code()
        self._load.answers.append(Answer(request.files, status, b"".join(connection.body)))
        if self._in_window:
            self._load.completions.append(Completion(now, len(request.files)))
            self._load.latencies_seconds.append(now - connection.sent_at)
        connection.request, connection.body, connection.complete = None, [], False
        self._busy -= 1
        if not connection.keeps_alive:
            self._reconnect(connection)
        self._send_next(connection)
