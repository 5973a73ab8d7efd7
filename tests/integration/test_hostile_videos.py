"""Five hundred hostile files against the running service, while others go on using it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.chaos.load import difference
from tests.assets.hostile import COUNT, Bait, Hostile, corpus
from tests.assets.hostile.oracle import frames_found
from tests.assets.images import image_bytes
from tests.assets.videos import make_video
from tests.integration.service import Service, descendants
from tests.integration.tracing import command, traced

SENDERS = 4
PATIENCE_SECONDS = 600.0
"""Beyond all limits of a decoder, on a busy machine, too: what has no answer by then hangs."""
IMAGE = image_bytes("jpeg", (320, 200))
VIDEO = make_video(frames=30)
OWN_SIZE = '"/proc/self/statm"'
"""How a decoder learns its own size, which its limit is set from."""


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A port on loopback, and who has connected to it."""
    callers: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                callers.append(str(address))
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1], callers
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def analyse(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post(
        "/v1/videos",
        files={"file": ("upload", data)},
        params={"sampling": "every_frame"},
        timeout=PATIENCE_SECONDS,
    )


def same(answer: object, expected: object) -> bool:
    """All but the last digits of scores: those depend on what else was in the batch."""
    return difference(answer, expected) is None


class Bystander:
    """Sends the same good request over and over, and compares the answers."""

    def __init__(self, service: Service, send: Callable[[httpx.Client], httpx.Response]) -> None:
        self._service = service
        self._send = send
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.expected = self._once()
        self.answers: Counter[bool] = Counter()
        self.wrong: list[str] = []

    def _once(self) -> object:
        with self._service.client() as client:
            return self._checked(self._send(client))

    @staticmethod
    def _checked(answer: httpx.Response) -> object:
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _run(self) -> None:
        with self._service.client() as client:
            while not self._stop.is_set():
                answer = self._send(client)
                if answer.status_code == 200:
                    wrong = difference(answer.json(), self.expected)
                else:
                    wrong = f"{answer.status_code} {answer.text[:300]}"
                self.answers[wrong is None] += 1
                if wrong is not None:
                    self.wrong.append(wrong)

    def __enter__(self) -> Bystander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def decoders_of(service: Service) -> list[int]:
    return [
        pid
        for replica in service.replica_pids("VideoClassifier")
        for pid in descendants(replica)
        if b"deployments.video.decoding.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def is_harmless(opened: str) -> bool:
    """glibc asks for its tables of a character set (names in MPEG-TS), and gets no descriptor."""
    return OWN_SIZE in opened or ("/gconv/" in opened and "EMFILE" in opened)


def fault(hostile: Hostile, answer: httpx.Response) -> str | None:
    """What is wrong with an answer; None if it is right."""
    status = answer.status_code
    if status not in hostile.statuses:
        return f"{hostile.name}: {status} {answer.text[:300]}"
    body = answer.json()
    if status != 200:
        is_problem = answer.headers["content-type"] == "application/problem+json" and body["detail"]
        return None if is_problem else f"{hostile.name}: {answer.text[:300]}"
    frames, coverage = body["media"]["frames"], body["coverage"]
    if not coverage["complete"] or coverage["frames_failed"]:
        return f"{hostile.name}: not all of it was looked at: {coverage}"
    if coverage["frames_classified"] != frames:
        return f"{hostile.name}: {frames} frames, {coverage}"
    least = frames_found(hostile.data) if hostile.frames is None else hostile.frames
    return None if frames >= least else f"{hostile.name}: {frames} frames of {least}"


def test_what_ffmpeg_opens_shows_in_a_trace(tmp_path: Path) -> None:
    """Without the guards; else the test below would prove nothing."""
    bait = tmp_path / "private.ts"
    bait.write_bytes(make_video("ts", frames=4))
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2,\n{bait}\n#EXT-X-ENDLIST\n")
    log = tmp_path / "trace"
    program = f"import av; av.open({str(playlist)!r}).close()"
    subprocess.run(command(log, sys.executable, "-c", program), check=True, timeout=120)
    assert any("openat(" in line and str(bait) in line for line in log.read_text().splitlines())


def test_hostile_files_get_their_4xx_and_nobody_else_notices(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bait_file = tmp_path / "private.ts"
    bait_file.write_bytes(make_video("ts"))
    seconds: dict[str, float] = {}
    statuses: Counter[int] = Counter()
    with ExitStack() as stack:
        port, callers = stack.enter_context(listening())
        image = Bystander(
            service, lambda client: client.post("/v1/images", files={"files": ("a", IMAGE)})
        )
        video = Bystander(service, lambda client: analyse(client, VIDEO))
        parents = service.replica_pids("VideoClassifier")
        trace = stack.enter_context(traced(parents, decoders_of(service), tmp_path / "trace"))
        senders = stack.enter_context(ThreadPoolExecutor(SENDERS))
        client = stack.enter_context(service.client())

        def send(hostile: Hostile) -> str | None:
            began = time.monotonic()
            try:
                answer = analyse(client, hostile.data)
            except httpx.TransportError as error:
                return f"{hostile.name}: {error!r}"
            finally:
                seconds[hostile.name] = time.monotonic() - began
            statuses[answer.status_code] += 1
            return fault(hostile, answer)

        with image, video:
            faults = [
                found
                for found in senders.map(send, corpus(Bait(bait_file, port)))
                if found is not None
            ]
        # As many at a time as there are decoders: none of them hangs.
        again = list(senders.map(lambda _: analyse(client, VIDEO).json(), range(SENDERS)))
    assert faults == []
    assert sum(statuses.values()) == COUNT
    assert all(same(answer, video.expected) for answer in again)
    for bystander in (image, video):
        assert bystander.wrong == []
        assert bystander.answers[True] > 20
    assert callers == []
    opened = {pid: [o for o in what if not is_harmless(o)] for pid, what in trace.opened.items()}
    assert opened == {pid: [] for pid in opened}
    assert sum(map(len, trace.opened.values())) >= COUNT / 2  # the trace has seen them at work
    slowest = max(seconds, key=lambda name: seconds[name])
    with capsys.disabled():
        print(
            f"\n{COUNT} hostile files: {dict(sorted(statuses.items()))}; "
            f"{len(opened)} decoder processes traced; slowest: {slowest} {seconds[slowest]:.1f} s; "
            f"meanwhile {image.answers[True]} images and {video.answers[True]} videos answered"
        )
