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
from tests.integration.service import ROOT, Service

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


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


class PeakMemory:
    """Samples the summed memory of some processes until it is told to stop."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.idle = self.now()
        self.peak = self.idle

    def now(self) -> int:
        return max(resident_bytes(pid) for pid in self._pids)

    def _sample(self) -> None:
        while not self._stop.wait(0.05):
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
            f"\n60 s of 1080p ({len(video) / 2**20:.1f} MiB): the video replica grew by "
            f"{grown / 2**20:.0f} MiB over {memory.idle / 2**20:.0f} MiB"
        )
    assert grown < GROWTH_BYTES
