"""Requests at a fixed rate, whether or not earlier ones were answered.

One thread over non-blocking sockets and requests that lie ready as bytes. asyncio's streams take
several times the CPU: on cores that they share with the service, such a client could not offer ten
times what the service can do, and what it measured was its own queue.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import httptools

from benchmarks.chaos.http import Reply

MAX_SOCKETS = 2048
ANSWER_SECONDS = 120.0
_READ_BYTES = 1 << 16
_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One request and what came of it."""

    number: int
    """Of the request, from 0."""
    reply: Reply


class OpenLoop:
    """So many requests a second.

    Args:
        address: Of the server.
        wires: Requests as they go over the connection; sent in turn.
        rate: Requests a second. Where the sockets do not suffice, it sends fewer.
        seconds: How long it sends.
    """

    def __init__(
        self, address: tuple[str, int], wires: Sequence[bytes], rate: float, seconds: float
    ) -> None:
        self._address = address
        self._wires = wires
        self._rate = rate
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._busy: deque[_Connection] = deque()
        self._sent: list[Sent] = []

    def run(self) -> list[Sent]:
        """Send, and await the last answer; blocking."""
        started = time.monotonic()
        number, last = 0, round(self._rate * self._seconds)
        while number < last or self._busy:
            now = time.monotonic()
            if now - started > self._seconds:
                last = number  # it could not send as many; what was sent is what counts
            pause = _TICK_SECONDS  # with all sockets busy, or all sent, only an answer helps
            while number < last and len(self._busy) < MAX_SOCKETS:
                if (early := started + number / self._rate - now) > 0:
                    pause = min(pause, early)
                    break
                self._send(number)
                number += 1
            for key, events in self._selector.select(pause):
                self._turn(key.data, events)
            self._give_up()
        for connection in self._idle:
            connection.close()
        self._selector.close()
        return self._sent

    def _send(self, number: int) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open():
                break
            connection.close()
        else:
            connection = _Connection(self._address)
        connection.begin(number, self._wires[number % len(self._wires)])
        self._busy.append(connection)
        self._selector.register(
            connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection
        )

    def _turn(self, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE and connection.write():
                self._selector.modify(connection.socket, selectors.EVENT_READ, connection)
            if events & selectors.EVENT_READ:
                connection.read()
        except (OSError, httptools.HttpParserError):
            self._end(connection, status=0)
            return
        if connection.complete:
            self._end(connection, connection.parser.get_status_code())

    def _end(self, connection: _Connection, status: int) -> None:
        self._selector.unregister(connection.socket)
        self._busy.remove(connection)
        reply = Reply(
            status,
            connection.retry_after,
            b"".join(connection.body),
            connection.started,
            time.monotonic(),
        )
        self._sent.append(Sent(connection.number, reply))
        # An early answer leaves the rest of the request unsent: the connection is of no more use.
        if status and connection.keeps_alive and not connection.unsent:
            self._idle.append(connection)
        else:
            connection.close()

    def _give_up(self) -> None:
        now = time.monotonic()
        while self._busy and now - self._busy[0].started > ANSWER_SECONDS:
            self._end(self._busy[0], status=0)


class _Connection:
    """One socket; also the parser's protocol, so the method names are httptools'."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(address)

    def begin(self, number: int, wire: bytes) -> None:
        """The next request."""
        self.number = number
        self.unsent = memoryview(wire)
        self.started = time.monotonic()
        self.parser = httptools.HttpResponseParser(self)
        self.body: list[bytes] = []
        self.retry_after = self.complete = self.keeps_alive = False

    def is_open(self) -> bool:
        """Whether the server has not ended an idle connection."""
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def write(self) -> bool:
        """Send on; True when everything is sent."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True  # the answer may have come before
        return True

    def read(self) -> None:
        """Take what came.

        Raises:
            OSError: The connection broke.
        """
        try:
            data = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError
        self.parser.feed_data(data)

    def close(self) -> None:
        """End it."""
        self.socket.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        if name.lower() == b"retry-after":
            self.retry_after = True

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        self.body.append(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        self.complete = True
        self.keeps_alive = self.parser.should_keep_alive()
