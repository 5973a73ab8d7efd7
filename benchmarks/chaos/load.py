"""Clients that know what the right answers are."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.http import Connection, Reply
from benchmarks.chaos.open_loop import OpenLoop
from benchmarks.load import Request

SCORE_TOLERANCE = 1e-3
"""Scores of one picture differ by less: a batch's size changes the order of its sums."""


@dataclass(slots=True)
class Seen:
    """What the clients saw."""

    right: list[Reply] = field(default_factory=list)
    refused: list[Reply] = field(default_factory=list)
    """503 with ``Retry-After``."""
    wrong: list[Reply] = field(default_factory=list)
    """200 with another answer than that of the healthy service."""
    differences: list[str] = field(default_factory=list)
    """What was wrong with each wrong answer."""
    failed: list[Reply] = field(default_factory=list)
    """Everything else: another status, or no answer."""

    @property
    def sent(self) -> int:
        """Requests in all."""
        return len(self.right) + len(self.refused) + len(self.wrong) + len(self.failed)

    def seconds_to_recover(self, fault: float) -> float:
        """From a fault to the first right answer of a request that was sent after it."""
        return min(
            (reply.ended - fault for reply in self.right if reply.started >= fault),
            default=float("inf"),
        )


class Clients:
    """Sends requests and judges the answers.

    Args:
        host: Of the server.
        port: Of the server.
        requests: Sent in turn.
    """

    def __init__(self, host: str, port: int, requests: Sequence[Request]) -> None:
        self._address = (host, port)
        self._wires = [(request, request.wire(f"{host}:{port}")) for request in requests]
        self._answers: dict[tuple[str, ...], object] = {}

    async def learn(self) -> Mapping[tuple[str, ...], object]:
        """Ask the healthy service once for each request; its answers are what is right.

        Raises:
            RuntimeError: It does not answer all of them.
        """
        connection = Connection(*self._address)
        for request, wire in self._wires:
            reply = await connection.ask(wire)
            if reply.status != 200:
                raise RuntimeError(f"{request.files}: status {reply.status} {reply.body!r}")
            self._answers[request.files] = json.loads(reply.body)
        connection.close()
        return self._answers

    async def closed_loop(
        self, clients: int, seconds: float, stop: asyncio.Event | None = None
    ) -> Seen:
        """So many clients, each with one request after the other; ends with the last answers.

        Args:
            clients: How many.
            seconds: How long they begin new requests.
            stop: Ends that before.
        """
        seen = Seen()
        end = time.monotonic() + seconds

        async def client(number: int) -> None:
            connection = Connection(*self._address)
            turn = number
            while time.monotonic() < end and not (stop and stop.is_set()):
                request, wire = self._wires[turn % len(self._wires)]
                turn += 1
                reply = await connection.ask(wire)
                self._judge(seen, request, reply)
                if reply.status == 503:
                    await asyncio.sleep(0.1)
            connection.close()

        await asyncio.gather(*map(client, range(clients)))
        return seen

    async def open_loop(self, rate: float, seconds: float) -> Seen:
        """So many requests a second, whether or not the others were answered."""
        wires = [wire for _, wire in self._wires]
        loop = OpenLoop(self._address, wires, rate, seconds)
        seen = Seen()
        for sent in await asyncio.to_thread(loop.run):
            self._judge(seen, self._wires[sent.number % len(self._wires)][0], sent.reply)
        return seen

    async def at_once(self, count: int) -> Seen:
        """So many requests at the same time."""
        seen = Seen()

        async def one(number: int) -> None:
            request, wire = self._wires[number % len(self._wires)]
            connection = Connection(*self._address)
            self._judge(seen, request, await connection.ask(wire))
            connection.close()

        await asyncio.gather(*map(one, range(count)))
        return seen

    def _judge(self, seen: Seen, request: Request, reply: Reply) -> None:
        if reply.status == 503 and reply.retry_after:
            seen.refused.append(reply)
        elif reply.status != 200:
            seen.failed.append(reply)
        elif found := difference(json.loads(reply.body), self._answers[request.files]):
            seen.wrong.append(reply)
            seen.differences.append(f"{request.files[0]}{found}")
        else:
            seen.right.append(reply)


def difference(answer: object, right: object, place: str = "") -> str | None:
    """Where an answer differs from the right one, beyond the last digits of scores; or None."""
    if isinstance(right, float) and isinstance(answer, float | int):
        return None if abs(answer - right) <= SCORE_TOLERANCE else f"{place}: {answer}, not {right}"
    if isinstance(right, dict) and isinstance(answer, dict) and right.keys() == answer.keys():
        found = (difference(answer[key], right[key], f"{place}.{key}") for key in right)
    elif isinstance(right, list) and isinstance(answer, list) and len(right) == len(answer):
        pairs = enumerate(zip(answer, right, strict=True))
        found = (difference(*pair, f"{place}[{number}]") for number, pair in pairs)
    else:
        return None if answer == right else f"{place}: {answer}, not {right}"
    return next(filter(None, found), None)
