"""A long video at full size passes through with bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.assets.videos import make_video
from tests.integration.service import ROOT, Service, descendants

SECONDS = 60
FPS = 30
FLAGGED = range(1300, 1400)
GROWTH_BYTES = 400 * 2**20


def paint() -> Callable[[int, int, int], np.ndarray]:
    """A band that moves over blue; while flagged, a picture that the model flags."""
    flagged = Image.open(ROOT / "examples" / "samples" / "flagged.jpg")

    @cache
    def flagged_at(height: int, width: int) -> np.ndarray:
        return np.asarray(flagged.convert("RGB").resize((width, height)))

    def painted(index: int, height: int, width: int) -> np.ndarray:
        if index in FLAGGED:
            return flagged_at(height, width)
        picture = np.full((height, width, 3), (30, 60, 160), np.uint8)
        picture[:, index * 8 % width :][:, :40] = (20, 40, 90)
        return picture

    return painted


def private_bytes(pid: int) -> int:
    """Memory that would be free without the process; shared pages are the upload's and torch's."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines}
    return (sizes["Private_Clean:"] + sizes["Private_Dirty:"]) * 1024


class PeakMemory:
    """Samples the memory of replicas, with the processes that decode for them."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.idle = self.now()
        self.peak = self.idle

    def now(self) -> int:
        return sum(
            private_bytes(pid) for replica in self._pids for pid in (replica, *descendants(replica))
        )

    def _sample(self) -> None:
        while not self._stop.wait(0.1):
            self.peak = max(self.peak, self.now())

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_minute_of_1080p_grows_a_replica_by_less_than_400_mb(
    service: Service, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    video = make_video(
        frames=SECONDS * FPS, fps=FPS, width=1920, height=1080, gop=60, paint=paint()
    )
    with PeakMemory(service.replica_pids("VideoClassifier")) as memory:
        answer = client.post(
            "/api/video-classification", files={"file": ("long.mp4", video)}, timeout=600
        )
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()
    assert found["frame"] == FLAGGED.start + 1
    grown = memory.peak - memory.idle
    with capsys.disabled():
        print(
            f"\n60 s of 1080p ({len(video) / 2**20:.1f} MiB): replica and decoders grew by "
            f"{grown / 2**20:.0f} MiB over {memory.idle / 2**20:.0f} MiB"
        )
    assert grown < GROWTH_BYTES
