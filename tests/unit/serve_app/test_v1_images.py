"""``POST /v1/images``."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from deployments.classifier.fake import FakeClassifier

from .media import MP4, animation, still

PATH = "/v1/images"


def near(score: float) -> object:
    return pytest.approx(score, abs=0.01)


async def ask(client: httpx.AsyncClient, *files: bytes, **params: object) -> Any:
    parts = [("files", (f"{index}.bin", data)) for index, data in enumerate(files)]
    response = await client.post(PATH, params=params, files=parts)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_still_an_animation_and_a_bad_file_have_their_places(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(client, still(0.2), animation([0.1, 0.9]), b"hello")
    image, moving, bad = answer["results"]
    assert answer["model"] == {
        "name": "builtin/demo",
        "revision": None,
        "flagged_labels": ["nsfw"],
    }
    assert image == {
        "index": 0,
        "filename": "0.bin",
        "flagged": False,
        "media": {"type": "image", "format": "png", "width": 40, "height": 30, "frames": 1},
        "labels": [
            {"label": "normal", "score": near(0.8)},
            {"label": "nsfw", "score": near(0.2)},
        ],
    }
    assert moving == {
        "index": 1,
        "filename": "1.bin",
        "flagged": True,
        "media": {
            "type": "animation",
            "format": "gif",
            "width": 40,
            "height": 30,
            "frames": 2,
            "duration_seconds": near(0.2),
        },
        "labels": [
            {"label": "nsfw", "score": near(0.9)},
            {"label": "normal", "score": near(0.9)},
        ],
        "frames": [
            {
                "frame": 0,
                "time_seconds": 0.0,
                "labels": [
                    {"label": "normal", "score": near(0.9)},
                    {"label": "nsfw", "score": near(0.1)},
                ],
            },
            {
                "frame": 1,
                "time_seconds": near(0.1),
                "labels": [
                    {"label": "nsfw", "score": near(0.9)},
                    {"label": "normal", "score": near(0.1)},
                ],
            },
        ],
    }
    assert set(bad) == {"index", "filename", "problem"}
    assert bad["problem"]["status"] == 415
    assert bad["index"] == 2


@pytest.mark.parametrize(
    ("redness", "score", "flagged"),
    [(0.6, None, False), (0.8, None, True), (0.6, 0.5, True), (0.8, 0.9, False)],
)
async def test_flagged_means_a_flagged_label_at_or_over_the_threshold(
    client: httpx.AsyncClient, redness: float, score: float | None, flagged: bool
) -> None:
    params = {} if score is None else {"score": score}
    [result] = (await ask(client, still(redness), **params))["results"]
    assert result["flagged"] is flagged


async def test_one_flagged_frame_flags_an_animation(client: httpx.AsyncClient) -> None:
    [result] = (await ask(client, animation([0.1, 0.1, 0.8, 0.1])))["results"]
    assert result["flagged"] is True


async def test_neither_labels_nor_top_k_hide_a_flag(client: httpx.AsyncClient) -> None:
    by_label = (await ask(client, still(0.8), labels="normal"))["results"][0]
    assert by_label["flagged"] is True
    assert [entry["label"] for entry in by_label["labels"]] == ["normal"]
    by_rank = (await ask(client, still(0.6), top_k=1, score=0.35, model_name="five"))["results"][0]
    assert by_rank["flagged"] is True


async def test_a_model_without_flagged_labels_does_not_say_safe(client: httpx.AsyncClient) -> None:
    [result] = (await ask(client, still(0.9), model_name="ages"))["results"]
    assert result["flagged"] is None


async def test_top_k_keeps_the_highest_in_the_file_and_in_its_frames(
    client: httpx.AsyncClient,
) -> None:
    [result] = (await ask(client, animation([0.1, 0.9]), model_name="ages", top_k=1))["results"]
    assert [entry["label"] for entry in result["labels"]] == ["old"]
    assert [[e["label"] for e in f["labels"]] for f in result["frames"]] == [["young"], ["old"]]


async def test_equal_scores_keep_class_index_order(client: httpx.AsyncClient) -> None:
    [result] = (await ask(client, still(0.1), model_name="five"))["results"]
    labels = [entry["label"] for entry in result["labels"]]
    assert labels == ["drawings", "hentai", "neutral", "porn", "sexy"]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"model_name": "nope"}, 404),
        ({"labels": "cat"}, 422),
        ({"score": 1.1}, 422),
        ({"top_k": 0}, 422),
        ({"lables": "nsfw"}, 422),
    ],
)
async def test_a_mistake_in_the_request_fails_it_as_a_whole(
    client: httpx.AsyncClient, classifier: FakeClassifier, params: dict[str, Any], status: int
) -> None:
    response = await client.post(PATH, params=params, files={"files": ("a", still(0.5))})
    assert response.status_code == status
    assert classifier.calls == []


async def test_a_lone_bad_file_fails_the_request(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, files={"files": ("a", still(0.5)[:-20])})
    assert response.status_code == 422
    body = response.json()
    assert body["results"][0]["problem"]["detail"] == body["detail"]


@pytest.mark.parametrize(("files", "status"), [((b"x", MP4), 415), ((b"x", still(0.5)[:-20]), 422)])
async def test_only_bad_files_fail_the_request_and_each_has_its_problem(
    client: httpx.AsyncClient, files: tuple[bytes, ...], status: int
) -> None:
    parts = [("files", ("a", data)) for data in files]
    response = await client.post(PATH, files=parts)
    assert response.status_code == status
    body = response.json()
    assert "None of the 2 files" in body["detail"]
    assert [result["index"] for result in body["results"]] == [0, 1]
    assert all("problem" in result for result in body["results"])
