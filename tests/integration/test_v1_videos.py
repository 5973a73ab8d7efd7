"""``POST /v1/videos`` on the running service, through its proxy."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_app.video_schemas import VideoAnswer
from tests.assets.videos import make_video
from tests.integration.service import ROOT, Service, descendants

PATH = "/v1/videos"
SAMPLES = ROOT / "examples" / "samples"
STREAM = {"Accept": "application/x-ndjson"}
GIVE_UP_SECONDS = 60
IDLE_TICKS = 5
"""Hundredths of a second of processor time that idle replicas may take in half a second."""


def sent(name: str) -> dict[str, Any]:
    return {"file": (name, (SAMPLES / name).read_bytes())}


@pytest.mark.parametrize("sampling", ["adaptive", "every_frame", "interval", "keyframes"])
def test_the_sample_video_is_flagged_by_every_sampling(client: httpx.Client, sampling: str) -> None:
    params = {"sampling": sampling, "include": "scores,sheet"}
    response = client.post(PATH, params=params, files=sent("video.mp4"))
    assert response.status_code == 200, response.text
    answer = VideoAnswer.model_validate_json(response.content, strict=True)
    assert answer.flagged is True
    assert answer.policy.sampling == answer.coverage.sampling == sampling
    assert answer.coverage.complete
    assert answer.series is not None
    looks = answer.coverage.frames_classified + answer.coverage.frames_reused
    assert len(answer.series.frame) == looks
    assert answer.sheet is not None


def test_findings_stream_before_the_result(client: httpx.Client) -> None:
    with client.stream("POST", PATH, files=sent("video.mp4"), headers=STREAM) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        events = [json.loads(line) for line in response.iter_lines()]
    assert "finding" in [event["event"] for event in events[:-1]]
    assert events[-1].pop("event") == "result"
    VideoAnswer.model_validate_json(json.dumps(events[-1]), strict=True)


def test_an_animated_image_goes_the_same_way(client: httpx.Client) -> None:
    response = client.post(PATH, files=sent("animation.gif"))
    answer = VideoAnswer.model_validate_json(response.content, strict=True)
    assert answer.media.type == "animation"
    assert answer.coverage.frames_classified == answer.media.frames


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["whole", "stream"])
def test_a_damaged_video_has_its_status_streamed_or_not(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    data = (SAMPLES / "video.mp4").read_bytes()
    files = {"file": ("a.mp4", data[: len(data) // 2])}
    response = client.post(PATH, files=files, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def processor_ticks(service: Service) -> int:
    """Processor time that decoding took so far: of the video replicas and what they started."""
    ticks = 0
    for replica in service.replica_pids("VideoClassifier"):
        for pid in [replica, *descendants(replica)]:
            try:
                stat = (Path("/proc") / str(pid) / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return ticks


def test_work_ends_when_the_client_goes_away(client: httpx.Client, service: Service) -> None:
    files = {"file": ("a.mp4", make_video(frames=12_000, fps=30, gop=120))}
    began = processor_ticks(service)
    params = {"sampling": "every_frame"}
    with client.stream("POST", PATH, params=params, files=files, headers=STREAM) as response:
        events = map(json.loads, response.iter_lines())
        left_at = next(e["fraction"] for e in events if e.get("fraction", 0) >= 0.1)
        until_left = processor_ticks(service) - began
    assert left_at < 0.2
    give_up = time.monotonic() + GIVE_UP_SECONDS
    before, now = -1, processor_ticks(service)
    while now - before > IDLE_TICKS and time.monotonic() < give_up:
        time.sleep(0.5)  # an interval to measure over, not a wait for something
        before, now = now, processor_ticks(service)
    assert now - before <= IDLE_TICKS
    # The whole video would take five times what it took until the client left, at least.
    assert now - began < 3 * until_left
