"""Fairness: what small requests wait while a long video is looked at frame by frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO

from benchmarks.load import File, Observer, Plan, drive, upload
from benchmarks.pictures import photograph
from benchmarks.servers import HOST, Server
from benchmarks.statistics import percentile
from benchmarks.video.client import AnswerError, analyse
from benchmarks.video.clips import FAIRNESS_SHORT, SPEED
from benchmarks.video.results import FairnessMeasurement
from benchmarks.video.service import TINY, vigil
from benchmarks.video.session import Session

_SECONDS = 6.0
_VIDEOS = 4
_SIZE = (640, 480)


def measure(session: Session) -> None:
    """Alone and beside, in each repeat."""
    image, short = _image(), session.file(FAIRNESS_SHORT)
    long = session.file(SPEED[0])
    with vigil(session.workspace, TINY) as server:

        def images() -> list[float]:
            return _images(server, image, 2.0 if session.is_quick else _SECONDS)

        def videos() -> list[float]:
            return [analyse(server.port, short).seconds for _ in range(_VIDEOS)]

        for repeat in range(session.repeats):
            alone = images(), videos()
            with _busy(server, long) as is_busy:
                beside = _while(is_busy, images), _while(is_busy, videos)
            for request, before, after in zip(("image", "short video"), alone, beside, strict=True):
                session.results.fairness.append(
                    FairnessMeasurement(
                        request=request,  # type: ignore[arg-type] # of the pair above
                        repeat=repeat,
                        alone_p50_seconds=percentile(before, 50),
                        alone_p95_seconds=percentile(before, 95),
                        beside_p50_seconds=percentile(after, 50),
                        beside_p95_seconds=percentile(after, 95),
                        requests_beside=len(after),
                    )
                )
                session.say(f"  {session.results.fairness[-1]}")


def _image() -> File:
    file = BytesIO()
    photograph(_SIZE, 7).save(file, "JPEG", quality=85)
    return File("small.jpg", "image/jpeg", file.getvalue())


def _images(server: Server, image: File, seconds: float) -> list[float]:
    plan = Plan(connections=1, warmup_seconds=0.5, seconds=seconds)
    load = drive(HOST, server.port, [upload("/v1/images", "files", [image])], plan, Observer())
    if any(answer.status != 200 for answer in load.answers):
        raise AnswerError("an image was refused")
    return load.latencies_seconds


@contextmanager
def _busy(server: Server, long: File) -> Iterator[Callable[[], bool]]:
    """Long videos one after the other, each looked at frame by frame, until the context ends."""
    ended = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        try:
            while not ended.is_set():
                analyse(server.port, long, sampling="every_frame")
        except Exception as error:  # noqa: BLE001 - raised where the context ends
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(1.0)  # the upload and the scan are over, frames flow
    try:
        yield thread.is_alive
    finally:
        ended.set()
        thread.join()
        if failures:
            raise failures[0]


def _while(is_busy: Callable[[], bool], take: Callable[[], list[float]]) -> list[float]:
    latencies = take()
    if not is_busy():
        raise AnswerError("the long video was not there to the end")
    return latencies
