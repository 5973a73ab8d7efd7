"""Clients of the cluster: they ask without a pause, check every answer, and keep the record."""

from __future__ import annotations

import io
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from PIL import Image

from benchmarks.scaling.model import SIDE
from tests.cluster.network import Host
from tests.cluster.ray_cluster import HTTP_PORT

PATIENCE_SECONDS = 30.0
"""A client gives up then, which counts as lost."""


@dataclass(frozen=True)
class Animation:
    """A GIF of plain frames, and the score of each."""

    data: bytes
    scores: tuple[float, ...]


def animation(frames: int, seed: int) -> Animation:
    reds = [(seed * 37 + number * 11) % 256 for number in range(frames)]
    # Two frames alike would be stored as one.
    reds = list(dict.fromkeys(reds))
    pictures = [Image.new("RGB", (SIDE, SIDE), (red, 0, 0)) for red in reds]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=100)
    return Animation(file.getvalue(), tuple(red / 255 for red in reds))


@dataclass(frozen=True)
class Answer:
    """What one request came to."""

    asked: float
    answered: float
    """Both ``time.monotonic()``."""
    status: int
    """0 where no answer came."""
    right: bool
    detail: str


@dataclass
class Record:
    """All answers so far, of all clients."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def lost(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    @property
    def wrong(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == 200 and not answer.right]

    def since(self, moment: float) -> list[Answer]:
        """Answers to requests that were sent at or after a moment (``time.monotonic()``)."""
        return [answer for answer in self.answers.copy() if answer.asked >= moment]

    def row(self, title: str, fault: float) -> str:
        """A line of the report on a fault at a moment (``time.monotonic()``)."""
        ends = [answer.answered - fault for answer in self.lost]
        slowest = max(answer.answered - answer.asked for answer in self.answers)
        return (
            f"  {title:34} {len(self.answers):6} {len(self.lost):6} {len(self.wrong):6}"
            f" {max(ends, default=0.0):10.1f} s {slowest:10.1f} s"
        )


HEADER = f"\n  {'fault':34} {'sent':>6} {'lost':>6} {'wrong':>6} {'last lost':>12} {'slowest':>12}"


def ask(http: httpx.Client, address: str, picture: Animation) -> Answer:
    asked = time.monotonic()
    status, right, detail = 0, False, ""
    try:
        response = http.post(
            f"http://{address}:{HTTP_PORT}/api/image-classification",
            files={"file": ("animation.gif", picture.data)},
        )
        status = response.status_code
        right = status == 200 and _is_right(response.json(), picture)
        detail = "" if right else response.text[:300]
    except httpx.TransportError as error:
        detail = repr(error)
    return Answer(asked, time.monotonic(), status, right, f"{address}: {detail}")


def ask_from(client: Host, target: Host, picture: Animation) -> Answer:
    """One request from a host to another one's address."""

    def once() -> Answer:
        with httpx.Client(timeout=PATIENCE_SECONDS) as http:
            return ask(http, target.address, picture)

    with client.threads(1) as pool:
        return pool.submit(once).result()


def _is_right(frames: object, picture: Animation) -> bool:
    assert isinstance(frames, list)
    scores = [
        {label["label"]: label["score"] for label in frame}.get("nsfw", math.nan)
        for frame in frames
    ]
    return len(scores) == len(picture.scores) and all(
        math.isclose(score, wanted, abs_tol=1e-3)
        for score, wanted in zip(scores, picture.scores, strict=True)
    )


@contextmanager
def load(client: Host, targets: Sequence[Host], clients: int, frames: int) -> Iterator[Record]:
    """Clients on one host that ask the others in turn, until the block ends."""
    record = Record()
    stop = threading.Event()

    def work(number: int) -> None:
        picture = animation(frames, number)
        with httpx.Client(timeout=PATIENCE_SECONDS) as http:
            for target in itertools.islice(itertools.cycle(targets), number, None):
                if stop.is_set():
                    return
                record.answers.append(ask(http, target.address, picture))

    with client.threads(clients) as pool:
        working = [pool.submit(work, number) for number in range(clients)]
        try:
            yield record
        finally:
            stop.set()
            for done in working:
                done.result()


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, at most so long."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.2)
    return True
