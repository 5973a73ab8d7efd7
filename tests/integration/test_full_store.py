"""Ray's object store is full, and so is the disk that it would spill to: docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.service import ROOT, Service, default_config, running

SAMPLES = ROOT / "examples" / "samples"
STORE_BYTES = 80 * 2**20
"""A little more than the least that Ray takes."""
VIDEO = (SAMPLES / "video.mp4").read_bytes()
PADDING_BYTES = STORE_BYTES + 2**20


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    config = default_config()
    args = config["applications"][0]["args"]
    args["models"][0] |= {"num_cpus": 0.4, "replicas": {"min": 1, "max": 1}}
    args["video"] |= {"replicas": {"min": 1, "max": 1}}
    environ = {
        "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(STORE_BYTES),
        # The share of a disk from which on Ray takes it for full.
        "RAY_local_fs_capacity_threshold": "0.000001",
    }
    with running(config, tmp_path_factory.mktemp("full"), environ) as it:
        yield it


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as http:
        yield http


def padded(video: bytes) -> bytes:
    """The same MP4 with an empty box at its end."""
    return video + PADDING_BYTES.to_bytes(4, "big") + b"free" + bytes(PADDING_BYTES - 8)


@pytest.mark.parametrize("path", ["/v1/videos", "/api/video-classification"])
def test_a_video_without_room_is_refused_and_all_else_goes_on(
    path: str, client: httpx.Client
) -> None:
    for _ in range(2):
        refused = client.post(path, files={"file": ("a.mp4", padded(VIDEO))})
        assert refused.status_code == 503, refused.text
        assert "room for this video" in refused.text
        assert int(refused.headers["Retry-After"]) > 0

        image = {"files": ("a.png", (SAMPLES / "flagged.png").read_bytes())}
        assert client.post("/v1/images", files=image).status_code == 200
        fits = client.post(path, files={"file": ("a.mp4", VIDEO)})
        assert fits.status_code == 200, fits.text
