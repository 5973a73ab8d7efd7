"""Bad input against the running service: a clear 4xx, never a 200, nothing silently safe."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.assets.images import animation_bytes, image_bytes
from tests.assets.videos import make_audio, make_video, paint_noise

JPEG = image_bytes("jpeg", (320, 200))
VIDEO = make_video(frames=30, width=192, height=128, paint=paint_noise)
IMAGES = "image-classification"
VIDEOS = "video-classification"


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    assert not any(word in answer.text for word in ("Traceback", "site-packages", "/root", ".py"))
    return body


def send(client: httpx.Client, route: str, data: bytes, **params: Any) -> httpx.Response:
    return client.post(f"/api/{route}", files={"file": ("upload", data)}, params=params)


@pytest.mark.parametrize(
    ("route", "data", "status"),
    [
        (IMAGES, b"", 415),
        (IMAGES, b"hello", 415),
        (IMAGES, b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        (IMAGES, JPEG[: len(JPEG) // 2], 422),
        (IMAGES, animation_bytes("gif", frames=6)[:-200], 422),
        (IMAGES, animation_bytes("webp", frames=6)[:-200], 422),
        (IMAGES, VIDEO, 415),
        (IMAGES, image_bytes("png", (6000, 6000)), 413),
        (IMAGES, JPEG + bytes(9 * 2**20), 413),
        (VIDEOS, b"", 415),
        (VIDEOS, b"hello", 415),
        (VIDEOS, JPEG, 415),
        (VIDEOS, make_audio(), 415),
        (VIDEOS, VIDEO[: len(VIDEO) // 2], 422),
        (VIDEOS, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415),
        (VIDEOS, b"ffconcat version 1.0\nfile 'a.mp4'\n", 415),
        (VIDEOS, b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 9 RTP/AVP 96\r\n", 415),
    ],
    ids=range(17),
)
def test_what_cannot_be_read_is_refused(
    client: httpx.Client, route: str, data: bytes, status: int
) -> None:
    problem(send(client, route, data), status)


def test_damage_anywhere_in_a_video_is_an_error_rather_than_a_shorter_answer(
    client: httpx.Client,
) -> None:
    damaged = bytearray(VIDEO)
    middle = len(damaged) // 2
    damaged[middle : middle + 4000] = bytes(4000)
    problem(send(client, VIDEOS, bytes(damaged)), 422)


def test_an_unknown_label_names_those_there_are(client: httpx.Client) -> None:
    for route, data in (("image-query-classification", JPEG), (VIDEOS, VIDEO)):
        body = problem(send(client, route, data, labels="cat"), 422)
        assert "normal" in body["detail"]
        assert "nsfw" in body["detail"]


@pytest.mark.parametrize(
    "params",
    [
        {"score": 1.5},
        {"score": -0.1},
        {"score": "nan"},
        {"score": "high"},
        {"fast_mode": True, "skip_frames_percentage": 0},
        {"fast_mode": True, "skip_frames_percentage": 101},
        {"model_name": "builtin/demo", "model_names": "builtin/demo"},
    ],
    ids=str,
)
def test_impossible_parameters_are_refused(client: httpx.Client, params: dict[str, Any]) -> None:
    problem(send(client, "image-query-classification", JPEG, **params), 422)


@pytest.mark.parametrize("name", ["no/such", "../../etc/passwd", "/etc", "http://x/y", "acme"])
def test_an_unknown_model_names_those_to_be_had(client: httpx.Client, name: str) -> None:
    body = problem(send(client, IMAGES, JPEG, model_name=name), 404)
    assert "builtin/demo" in body["detail"]


def test_one_bad_file_fails_a_multi_request_and_is_named(client: httpx.Client) -> None:
    files = [("files", ("a", JPEG)), ("files", ("b", b"hello")), ("files", ("c", JPEG))]
    body = problem(client.post("/api/multi-image-classification", files=files), 415)
    assert body["index"] == 1


def test_one_bad_file_does_not_fail_the_others_in_v1(client: httpx.Client) -> None:
    files = [("files", ("a.jpg", JPEG)), ("files", ("b.txt", b"hello"))]
    answer = client.post("/v1/images", files=files)
    assert answer.status_code == 200
    good, bad = answer.json()["results"]
    assert good["labels"]
    assert bad["problem"]["status"] == 415
    assert "labels" not in bad


def test_no_file_no_route_and_the_wrong_method_are_problems_too(client: httpx.Client) -> None:
    problem(client.post(f"/api/{IMAGES}"), 415)
    problem(client.post(f"/api/{IMAGES}", files={"other": ("x", JPEG)}), 422)
    problem(client.get("/api/nowhere"), 404)
    problem(client.get(f"/api/{IMAGES}"), 405)


def test_a_request_id_is_taken_or_made_and_returned(client: httpx.Client) -> None:
    given = client.get("/healthz", headers={"X-Request-ID": "my-id.7"})
    assert given.headers.get_list("x-request-id") == ["my-id.7"]
    made = client.get("/healthz").headers.get_list("x-request-id")
    assert len(made) == 1
    assert made[0]
