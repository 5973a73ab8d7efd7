"""The load: images, animations, videos, errors, and clients that go away."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import httpx

from benchmarks.machine import ROOT

SAMPLES = ROOT / "examples" / "samples"
TIMEOUT_SECONDS = 300.0
"""Beyond this a request counts as hung."""
_READ_BYTES = 65536

Ask = Callable[["Caller"], str]
"""Sends one request; what it says is wrong, empty where all is right."""


class Caller:
    """One client, which sends one request after another.

    Args:
        url: Of the service.
        seed: Another seed, another order of requests.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)
        self.address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self.random = random.Random(seed)

    def expect(self, status: int, path: str, files: Sequence[tuple[str, bytes]] = ()) -> str:
        """Send and compare the status; 503 is an answer that an overloaded service may give."""
        parts = [(field, ("upload", data)) for field, data in files]
        answer = self.http.post(path, files=parts) if parts else self.http.get(path)
        if answer.status_code in (status, 503):
            return ""
        return f"{path}: {answer.status_code} instead of {status}: {answer.text[:200]}"

    def leave(self, path: str, data: bytes, share: float) -> str:
        """Send a part of a request, or all of it, and go away without waiting for the answer."""
        end = b"\r\n--soak--\r\n"
        body = b'--soak\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        body += data + end
        head = (
            f"POST {path} HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: multipart/form-data; boundary=soak\r\n\r\n"
        ).encode()
        with socket.create_connection(self.address, timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(head + body[: int(len(body) * share)])
        return ""

    def leave_stream(self, path: str, data: bytes) -> str:
        """Read the first event of a streamed answer and go away."""
        headers = {"Accept": "application/x-ndjson"}
        with self.http.stream(
            "POST", path, files={"file": ("upload", data)}, headers=headers
        ) as answer:
            if answer.status_code not in (200, 503):
                return f"{path}: {answer.status_code} for a stream"
            next(answer.iter_bytes(_READ_BYTES), None)
        return ""


def _sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def mixture() -> Mapping[str, tuple[float, Ask]]:
    """Kind of request → how often, relative to the others, and what sends it."""
    jpeg, flagged = _sample("landscape.jpg"), _sample("flagged.jpg")
    stills = [jpeg, flagged, *map(_sample, ("diagram.png", "sunset.webp", "flagged.heic"))]
    animation, video = _sample("animation.gif"), _sample("video.mp4")

    def image(caller: Caller) -> str:
        data = caller.random.choice(stills)
        return caller.expect(200, "/api/image-classification", [("file", data)])

    def several(caller: Caller) -> str:
        files = [("files", data) for data in caller.random.choices(stills, k=8)]
        return caller.expect(200, "/v1/images", files)

    def damaged(caller: Caller) -> str:
        data = caller.random.choice([jpeg, animation, video])
        route = "/api/video-classification" if data is video else "/api/image-classification"
        return caller.expect(422, route, [("file", data[: len(data) // 2])])

    def too_much(caller: Caller) -> str:
        claims = bytearray(_sample("shape.bmp"))
        claims[18:26] = b"\x00\x00\x00\x40" * 2  # 2^30 pixels each way
        return caller.expect(413, "/api/image-classification", [("file", bytes(claims))])

    def refused(caller: Caller) -> str:
        return caller.random.choice(
            [
                lambda: caller.expect(415, "/api/image-classification", [("file", b"no image")]),
                lambda: caller.expect(
                    404, "/api/image-classification?model_name=no/such", [("file", jpeg)]
                ),
                lambda: caller.expect(
                    422, "/api/image-query-classification?score=7", [("file", jpeg)]
                ),
                lambda: caller.expect(404, "/no/such/route"),
            ]
        )()

    def probe(caller: Caller) -> str:
        return caller.expect(200, caller.random.choice(["/readyz", "/v1/models", "/v1/limits"]))

    def gone(caller: Caller) -> str:
        data, share = caller.random.choice([jpeg, video]), caller.random.choice([0.3, 1.0])
        route = "/v1/videos" if data is video else "/api/image-classification"
        return caller.leave(route, data, share)

    return {
        "image": (30, image),
        "eight images": (6, several),
        "animation": (
            4,
            lambda c: c.expect(200, "/api/image-classification", [("file", animation)]),
        ),
        "video": (2, lambda c: c.expect(200, "/api/video-classification", [("file", video)])),
        "video analysed": (2, lambda c: c.expect(200, "/v1/videos", [("file", video)])),
        "stream left": (1, lambda c: c.leave_stream("/v1/videos", video)),
        "damaged": (6, damaged),
        "too large": (3, too_much),
        "refused": (6, refused),
        "probe": (6, probe),
        "gone": (6, gone),
    }


class Load:
    """Clients that send the mixture until they are stopped; a context manager.

    Args:
        url: Of the service.
        clients: How many at a time.
        seed: Another seed, another order of requests.
    """

    def __init__(self, url: str, clients: int, seed: int) -> None:
        self.sent: Counter[str] = Counter()
        """Requests by kind."""
        self.wrong: list[str] = []
        """What was not as it should have been."""
        self._mixture = mixture()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(Caller(url, seed + number),))
            for number in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, caller: Caller) -> None:
        kinds = list(self._mixture)
        weights = [weight for weight, _ in self._mixture.values()]
        with caller.http:
            while not self._stopped.is_set():
                kind = caller.random.choices(kinds, weights)[0]
                try:
                    wrong = self._mixture[kind][1](caller)
                except (httpx.HTTPError, OSError) as error:
                    wrong = f"{kind}: {type(error).__name__}: {error}"
                self.sent[kind] += 1
                if wrong:
                    self.wrong.append(wrong)
