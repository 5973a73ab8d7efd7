"""``/api/image-classification`` and ``/api/multi-image-classification``, line by line."""

from __future__ import annotations

import httpx
import pytest

from deployments.classifier.fake import FakeCall, FakeClassifier
from deployments.errors import OverloadedError

from .media import MP4, animation, still

ONE = "/api/image-classification"
MANY = "/api/multi-image-classification"


def nsfw(scores: list[dict[str, object]]) -> float:
    return next(float(str(s["score"])) for s in scores if s["label"] == "nsfw")


@pytest.mark.parametrize(("redness", "first"), [(0.1, "normal"), (0.9, "nsfw")])
async def test_a_still_image_gets_all_labels_by_falling_score(
    client: httpx.AsyncClient, redness: float, first: str
) -> None:
    answer = (await client.post(ONE, files={"file": ("a.png", still(redness))})).json()
    assert answer[0]["label"] == first
    assert {scores["label"] for scores in answer} == {"normal", "nsfw"}
    assert answer[0]["score"] > answer[1]["score"]
    assert nsfw(answer) == pytest.approx(redness, abs=0.01)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF"])
async def test_stills_of_other_formats_are_flat_lists_too(
    client: httpx.AsyncClient, kind: str
) -> None:
    answer = (await client.post(ONE, files={"file": ("a", still(0.8, kind))})).json()
    assert nsfw(answer) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
async def test_an_animation_gets_one_list_for_each_frame(
    client: httpx.AsyncClient, kind: str
) -> None:
    levels = [0.1, 0.9, 0.4]
    answer = (await client.post(ONE, files={"file": ("a", animation(levels, kind))})).json()
    assert [nsfw(frame) for frame in answer] == pytest.approx(levels, abs=0.05)


async def test_a_gif_with_one_frame_is_an_animation(client: httpx.AsyncClient) -> None:
    answer = (await client.post(ONE, files={"file": ("a.gif", still(0.9, "GIF"))})).json()
    assert len(answer) == 1
    assert nsfw(answer[0]) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "TIFF"])
async def test_other_formats_with_one_frame_are_stills(
    client: httpx.AsyncClient, kind: str
) -> None:
    answer = (await client.post(ONE, files={"file": ("a", still(0.9, kind))})).json()
    assert nsfw(answer) == pytest.approx(0.9, abs=0.05)


async def test_a_long_animation_goes_to_the_model_in_parts(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    levels = [index / 99 for index in range(100)]
    answer = (await client.post(ONE, files={"file": ("a.gif", animation(levels))})).json()
    assert [nsfw(frame) for frame in answer] == pytest.approx(levels, abs=0.01)
    assert sum(call.frames for call in classifier.calls) == 100
    assert max(call.frames for call in classifier.calls) < 50


async def test_the_model_named_answers(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    files = {"file": ("a.png", still(0.8))}
    answer = (await client.post(ONE, params={"model_name": "ages"}, files=files)).json()
    assert [scores["label"] for scores in answer] == ["old", "young", "middle"]
    assert classifier.calls == [FakeCall("ages", 1)]


@pytest.mark.parametrize("path", [ONE, "/api/image-query-classification"])
async def test_an_unknown_model_is_404_and_names_those_to_be_had(
    client: httpx.AsyncClient, path: str
) -> None:
    files = {"file": ("a.png", still(0.8))}
    response = await client.post(path, params={"model_name": "nope"}, files=files)
    assert response.status_code == 404
    assert "'nope'" in response.json()["detail"]
    assert "ages" in response.json()["detail"]


async def test_several_files_are_answered_by_position(client: httpx.AsyncClient) -> None:
    files = [
        ("files", ("a.png", still(0.2))),
        ("files", ("b.gif", animation([0.1, 0.9]))),
        ("files", ("a.png", still(0.7))),
    ]
    answer = (await client.post(MANY, files=files)).json()
    assert [list(entry) for entry in answer] == [["0"], ["1"], ["2"]]
    assert nsfw(answer[0]["0"]) == pytest.approx(0.2, abs=0.01)
    assert [nsfw(frame) for frame in answer[1]["1"]] == pytest.approx([0.1, 0.9], abs=0.01)
    assert nsfw(answer[2]["2"]) == pytest.approx(0.7, abs=0.01)


async def test_many_files_keep_their_order(client: httpx.AsyncClient) -> None:
    levels = [index / 39 for index in range(40)]
    files = [("files", (f"{i}.png", still(level))) for i, level in enumerate(levels)]
    answer = (await client.post(MANY, files=files)).json()
    found = [nsfw(entry[str(i)]) for i, entry in enumerate(answer)]
    assert found == pytest.approx(levels, abs=0.01)


@pytest.mark.parametrize("path", [MANY, "/api/multi-image-query-classification"])
async def test_one_bad_file_of_several_fails_the_request_and_is_named(
    client: httpx.AsyncClient, path: str
) -> None:
    files = [
        ("files", ("good.png", still(0.2))),
        ("files", ("bad.png", still(0.2)[:-20])),
        ("files", ("text.txt", b"hello")),
    ]
    response = await client.post(path, files=files)
    assert response.status_code == 422
    body = response.json()
    assert body["index"] == 1
    assert "File 1 (bad.png)" in body["detail"]


async def test_a_failing_model_is_nobodys_file(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    classifier.fail("builtin/demo", OverloadedError("Full.", 3))
    response = await client.post(MANY, files=[("files", ("a.png", still(0.2)))] * 2)
    assert response.status_code == 503
    assert "index" not in response.json()
    assert response.headers["retry-after"] == "3"


async def test_more_files_than_allowed_are_413(client: httpx.AsyncClient) -> None:
    response = await client.post(MANY, files=[("files", ("a.png", b"x"))] * 65)
    assert response.status_code == 413
    assert "at most 64 files" in response.json()["detail"]


PNG = still(0.5, size=(200, 200))


@pytest.mark.parametrize("path", [ONE, "/api/image-query-classification"])
@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"", 415, "empty"),
        (b"hello", 415, "not an image or a video"),
        (b"%PDF-1.7", 415, "PDF"),
        (b"#EXTM3U\n/etc/passwd", 415, "playlist"),
        (MP4, 415, "/api/video-classification"),
        (PNG[: len(PNG) // 2], 422, "damaged"),
        (still(0.5, "JPEG")[:-30], 422, "damaged"),
        (animation([0.1, 0.9, 0.2])[:-9], 422, "damaged"),
    ],
)
async def test_what_cannot_be_read_is_an_error_that_says_why(
    client: httpx.AsyncClient,
    classifier: FakeClassifier,
    path: str,
    data: bytes,
    status: int,
    said: str,
) -> None:
    response = await client.post(path, files={"file": ("x", data)})
    assert response.status_code == status
    assert said in response.json()["detail"]
    assert "index" not in response.json()


async def test_an_image_over_the_pixel_limit_is_413(make_client) -> None:  # type: ignore[no-untyped-def]
    client = await make_client(limits={"max_pixels": 100})
    response = await client.post(ONE, files={"file": ("a.png", still(0.5))})
    assert response.status_code == 413


async def test_an_image_over_the_byte_limit_is_413(make_client) -> None:  # type: ignore[no-untyped-def]
    client = await make_client(limits={"max_image_bytes": 50})
    response = await client.post(ONE, files={"file": ("a.png", still(0.5))})
    assert response.status_code == 413


async def test_an_animation_over_the_frame_limit_is_413(make_client) -> None:  # type: ignore[no-untyped-def]
    client = await make_client(limits={"max_animation_frames": 2})
    response = await client.post(ONE, files={"file": ("a.gif", animation([0.1, 0.2, 0.3]))})
    assert response.status_code == 413


@pytest.mark.parametrize("path", [ONE, MANY, "/api/video-classification"])
async def test_a_form_without_the_file_is_422_and_names_the_field(
    client: httpx.AsyncClient, path: str
) -> None:
    field = "files" if path == MANY else "file"
    response = await client.post(path, files={"upload": ("a.png", still(0.5))})
    assert response.status_code == 422
    assert f"'{field}' is missing" in response.json()["detail"]


async def test_a_body_that_is_no_form_is_415(client: httpx.AsyncClient) -> None:
    response = await client.post(ONE, json={"file": "http://example.com/a.jpg"})
    assert response.status_code == 415
    assert "multipart/form-data" in response.json()["detail"]


async def test_an_empty_model_name_is_422(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{ONE}?model_name=", files={"file": ("a.png", still(0.5))})
    assert response.status_code == 422
