"""``/api/video-classification``: what reaches the video deployment, and what comes back."""

from __future__ import annotations

import httpx
import pytest

from deployments.errors import CorruptMediaError, DeadlineExceededError, VigilError
from deployments.verdicts import LabelQuery
from deployments.video.fake import FakeFind, FakeVideoFinder

from .media import MP4, animation, still

PATH = "/api/video-classification"
FILE = {"file": ("a.mp4", MP4)}


def close(frame: int, label: str, score: float) -> dict[str, object]:
    return {"frame": frame, "label": label, "score": pytest.approx(score)}


async def test_labels_are_reported_at_their_first_frame_counted_from_1(
    client: httpx.AsyncClient, videos: FakeVideoFinder
) -> None:
    answer = (await client.post(PATH, files=FILE)).json()
    assert answer == [close(21, "nsfw", 0.9)]
    query = LabelQuery("builtin/demo", None, 0.7, False)
    assert videos.calls == [FakeFind(len(MP4), (query,), None)]


async def test_all_parameters_reach_the_search(
    client: httpx.AsyncClient, videos: FakeVideoFinder
) -> None:
    params = {
        "model_names": ["ages", "builtin/demo"],
        "score": 0.25,
        "return_on_first_matching_label": True,
        "fast_mode": True,
        "skip_frames_percentage": 25,
    }
    answer = (await client.post(PATH, params=params, files=FILE)).json()
    assert answer == [
        {"ages": [close(1, "middle", 0.3), close(1, "old", 0.5)]},
        {"builtin/demo": [close(11, "nsfw", 0.5)]},
    ]
    assert videos.calls == [
        FakeFind(
            len(MP4),
            (LabelQuery("ages", None, 0.25, True), LabelQuery("builtin/demo", None, 0.25, True)),
            25,
        )
    ]


async def test_fast_mode_skips_5_percent_by_default(
    client: httpx.AsyncClient, videos: FakeVideoFinder
) -> None:
    await client.post(PATH, params={"fast_mode": "true"}, files=FILE)
    assert videos.calls[0].skip_percentage == 5


async def test_the_labels_asked_come_in_frame_order(client: httpx.AsyncClient) -> None:
    params = {"labels": ["nsfw", "normal"], "score": 0.5}
    answer = (await client.post(PATH, params=params, files=FILE)).json()
    assert answer == [close(1, "normal", 0.9), close(11, "nsfw", 0.5)]


async def test_nothing_found_is_an_empty_list(client: httpx.AsyncClient) -> None:
    assert (await client.post(PATH, params={"score": 0.99}, files=FILE)).json() == []


@pytest.mark.parametrize("data", [still(0.5), animation([0.1, 0.2])])
async def test_an_image_is_sent_to_the_image_route(
    client: httpx.AsyncClient, videos: FakeVideoFinder, data: bytes
) -> None:
    response = await client.post(PATH, files={"file": ("a", data)})
    assert response.status_code == 415
    assert "/api/image-query-classification" in response.json()["detail"]
    assert videos.calls == []


@pytest.mark.parametrize("data", [b"", b"hello", b"#EXTM3U\n", b"ffconcat version 1.0\n"])
async def test_what_is_no_video_never_reaches_the_video_deployment(
    client: httpx.AsyncClient, videos: FakeVideoFinder, data: bytes
) -> None:
    assert (await client.post(PATH, files={"file": ("a.mp4", data)})).status_code == 415
    assert videos.calls == []


async def test_an_unknown_label_or_model_never_reaches_the_video_deployment(
    client: httpx.AsyncClient, videos: FakeVideoFinder
) -> None:
    label = await client.post(PATH, params={"labels": "cat"}, files=FILE)
    model = await client.post(PATH, params={"model_name": "nope"}, files=FILE)
    assert (label.status_code, model.status_code) == (422, 404)
    assert videos.calls == []


async def test_a_video_over_the_byte_limit_is_413(make_client, videos: FakeVideoFinder) -> None:  # type: ignore[no-untyped-def]
    client = await make_client(limits={"max_video_bytes": len(MP4) - 1})
    assert (await client.post(PATH, files=FILE)).status_code == 413
    assert videos.calls == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(CorruptMediaError("Damaged at 3 s."), 422), (DeadlineExceededError("Late."), 504)],
)
async def test_what_the_video_deployment_raises_reaches_the_client(
    client: httpx.AsyncClient, videos: FakeVideoFinder, error: VigilError, status: int
) -> None:
    videos.fail(error)
    response = await client.post(PATH, files=FILE)
    assert (response.status_code, response.json()["detail"]) == (status, error.detail)
