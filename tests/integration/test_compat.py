"""``/api`` against the running service: every line of the contract, with real files."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import httpx
import pytest
from PIL import Image, ImageOps

from tests.assets.images import ANIMATED_FORMATS, STILL_FORMATS, animation_bytes, image_bytes
from tests.assets.videos import PAIRS, make_video, paint_flagged
from tests.integration.service import ROOT, Service

SAMPLES = ROOT / "examples" / "samples"
FACTS = json.loads((SAMPLES / "samples.json").read_text())["samples"]
DEMO = "builtin/demo"
CLIENTS = 32


def post(client: httpx.Client, route: str, data: bytes, **params: Any) -> Any:
    answer = client.post(f"/api/{route}", files={"file": ("upload", data)}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post_many(client: httpx.Client, route: str, files: list[bytes], **params: Any) -> Any:
    parts = [("files", (f"{i}", data)) for i, data in enumerate(files)]
    answer = client.post(f"/api/{route}", files=parts, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@cache
def pipeline() -> Any:
    from transformers import pipeline as make

    return make("image-classification", model=str(ROOT / "deployments/classifier/builtin/demo"))


def expected_scores(data: bytes) -> dict[str, float]:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return {entry["label"]: entry["score"] for entry in pipeline()(image)}


def is_classification(answer: list[dict[str, Any]]) -> bool:
    scores = [entry["score"] for entry in answer]
    return (
        {entry["label"] for entry in answer} == {"normal", "nsfw"}
        and scores == sorted(scores, reverse=True)
        and abs(sum(scores) - 1) < 1e-4
    )


@pytest.mark.parametrize("kind", STILL_FORMATS)
def test_a_still_image_answers_all_labels_by_falling_score(client: httpx.Client, kind: str) -> None:
    answer = post(client, "image-classification", image_bytes(kind, (320, 200), seed=3))
    assert is_classification(answer)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("orientation", [None, 6])
def test_scores_are_the_pipelines(client: httpx.Client, kind: str, orientation: int | None) -> None:
    if orientation and kind == "bmp":
        orientation = None  # the format has no EXIF
    data = image_bytes(kind, (640, 400), seed=8, orientation=orientation)
    expected = expected_scores(data)
    for entry in post(client, "image-classification", data):
        assert entry["score"] == pytest.approx(expected[entry["label"]], abs=2e-2)


@pytest.mark.parametrize("kind", ANIMATED_FORMATS)
def test_an_animation_answers_one_list_a_frame(client: httpx.Client, kind: str) -> None:
    answer = post(client, "image-classification", animation_bytes(kind, frames=5))
    assert len(answer) == 5
    assert all(map(is_classification, answer))


def test_a_gif_of_one_frame_counts_as_animated_and_a_webp_of_one_frame_does_not(
    client: httpx.Client,
) -> None:
    gif = post(client, "image-classification", animation_bytes("gif", frames=1))
    webp = post(client, "image-classification", animation_bytes("webp", frames=1))
    assert len(gif) == 1
    assert is_classification(gif[0])
    assert is_classification(webp)


def test_several_images_are_answered_by_their_index(client: httpx.Client) -> None:
    files = [image_bytes("png", seed=1), animation_bytes("gif", frames=3), image_bytes("jpeg")]
    answer = post_many(client, "multi-image-classification", files)
    assert [list(entry) for entry in answer] == [["0"], ["1"], ["2"]]
    alone = [post(client, "image-classification", file) for file in files]
    assert [entry[str(i)] for i, entry in enumerate(answer)] == alone


@pytest.mark.parametrize(
    "sample", [s for s in FACTS if s["type"] == "image"], ids=lambda s: s["file"]
)
def test_a_query_finds_the_flagged_samples_and_only_those(
    client: httpx.Client, sample: dict[str, Any]
) -> None:
    answer = post(client, "image-query-classification", (SAMPLES / sample["file"]).read_bytes())
    assert [entry["label"] for entry in answer] == (["nsfw"] if sample["flagged"] else [])
    assert all(set(entry) == {"label", "score"} for entry in answer)


def test_a_query_of_an_animation_names_the_first_frame_from_0(client: httpx.Client) -> None:
    sample = next(s for s in FACTS if s["type"] == "animation")
    data = (SAMPLES / sample["file"]).read_bytes()
    answer = post(client, "image-query-classification", data)
    assert [(e["frame"], e["label"]) for e in answer] == [
        (sample["flagged_frames"]["first"], "nsfw")
    ]


def sample_video() -> tuple[bytes, dict[str, Any]]:
    sample = next(s for s in FACTS if s["type"] == "video")
    return (SAMPLES / sample["file"]).read_bytes(), sample


def test_a_video_names_the_first_frame_from_1(client: httpx.Client) -> None:
    data, sample = sample_video()
    answer = post(client, "video-classification", data)
    assert [(e["frame"], e["label"]) for e in answer] == [
        (sample["flagged_frames"]["first"], "nsfw")
    ]
    assert answer[0]["score"] >= 0.7


def test_labels_are_reported_in_frame_order_then_in_the_order_asked(client: httpx.Client) -> None:
    data, sample = sample_video()
    answer = post(client, "video-classification", data, labels=["nsfw", "normal"], score=0.5)
    first = sample["flagged_frames"]["first"]
    assert [(e["frame"], e["label"]) for e in answer] == [(1, "normal"), (first, "nsfw")]
    still = (SAMPLES / "flagged.jpg").read_bytes()
    for labels in (["nsfw", "normal"], ["normal", "nsfw"]):
        found = post(client, "image-query-classification", still, labels=labels, score=0)
        assert [e["label"] for e in found] == labels


def test_stopping_at_the_first_match_reports_that_frames_matches(client: httpx.Client) -> None:
    data, _ = sample_video()
    answer = post(
        client,
        "video-classification",
        data,
        labels=["nsfw", "normal"],
        score=0.5,
        return_on_first_matching_label=True,
    )
    assert [(e["frame"], e["label"]) for e in answer] == [(1, "normal")]


def test_fast_mode_looks_at_every_kth_frame(client: httpx.Client) -> None:
    data, sample = sample_video()
    step = max(1, round(sample["frames"] * 7 / 100))
    answer = post(client, "video-classification", data, fast_mode=True, skip_frames_percentage=7)
    looked = range(1, sample["frames"] + 1, step)
    first = next(frame for frame in looked if frame >= sample["flagged_frames"]["first"])
    assert [e["frame"] for e in answer] == [first]


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_every_listed_container_and_codec_is_read(
    client: httpx.Client, container: str, codec: str
) -> None:
    data = make_video(
        container, codec, frames=16, width=192, height=128, paint=paint_flagged(6, 10)
    )
    answer = post(client, "video-classification", data, labels="nsfw", score=0)
    assert [(e["frame"], e["label"]) for e in answer] == [(1, "nsfw")]


def test_model_names_answer_by_model_in_the_order_asked(client: httpx.Client) -> None:
    data = (SAMPLES / "flagged.jpg").read_bytes()
    names = ["test/nine-labels", DEMO]
    answer = post(client, "image-query-classification", data, model_names=names)
    assert [list(entry) for entry in answer] == [[name] for name in names]
    flat = post(client, "image-query-classification", data, model_name=DEMO)
    assert answer[1][DEMO] == flat
    one = post(client, "image-query-classification", data, model_names=DEMO)
    assert one == [{DEMO: flat}]
    many = post_many(client, "multi-image-query-classification", [data, data], model_names=DEMO)
    assert many == [{"0": [{DEMO: flat}]}, {"1": [{DEMO: flat}]}]
    video, _ = sample_video()
    by_model = post(client, "video-classification", video, model_names=DEMO)
    assert by_model == [{DEMO: post(client, "video-classification", video)}]


def test_a_model_without_flagged_labels_is_asked_for_all_its_labels(client: httpx.Client) -> None:
    data = image_bytes("jpeg", seed=5)
    answer = post(
        client, "image-query-classification", data, model_name="test/nine-labels", score=0
    )
    assert len(answer) == 9


def test_32_clients_at_once_get_the_answers_that_one_client_gets(service: Service) -> None:
    video, _ = sample_video()
    jobs: list[tuple[str, bytes]] = [
        ("image-classification", image_bytes(kind, (200, 150), seed=seed))
        for seed, kind in enumerate(STILL_FORMATS)
    ]
    jobs += [("image-classification", animation_bytes(kind, frames=4)) for kind in ANIMATED_FORMATS]
    jobs += [("video-classification", video)]
    with service.client() as alone:
        expected = [post(alone, route, data) for route, data in jobs]

    def one_client(number: int) -> list[Any]:
        first = number % len(jobs)  # so that different routes run at the same time
        with service.client() as http:
            answers = [post(http, *job) for job in jobs[first:] + jobs[:first]]
        return answers[len(jobs) - first :] + answers[: len(jobs) - first]

    with ThreadPoolExecutor(CLIENTS) as threads:
        for answers in threads.map(one_client, range(CLIENTS)):
            for answer, right in zip(answers, expected, strict=True):
                assert equal(answer, right)


def equal(answer: Any, right: Any) -> bool:
    """Equal labels and frames; scores may differ by what the size of a batch does to float32."""
    if isinstance(right, list):
        return len(answer) == len(right) and all(map(equal, answer, right))
    return (
        answer["label"] == right["label"]
        and answer.get("frame") == right.get("frame")
        and answer["score"] == pytest.approx(right["score"], abs=1e-5)
    )
