"""Animated images sent to ``/v1/videos``: every frame looked at, a video's answer."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from deployments.classifier.fake import FakeClassifier
from deployments.errors import InferenceError
from deployments.types import Frames, Scores
from deployments.video.fake import FakeVideoAnalyst

from .live import LiveRequest
from .media import animation, still

PATH = "/v1/videos"


def near(value: float) -> object:
    return pytest.approx(value, abs=0.01)


async def ask(client: httpx.AsyncClient, data: bytes, **params: object) -> Any:
    files = {"file": ("a.gif", data)}
    response = await client.post(PATH, params=params, files=files)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_whole_answer(client: httpx.AsyncClient, videos: FakeVideoAnalyst) -> None:
    assert await ask(client, animation([0.1, 0.1, 0.8, 0.9, 0.1])) == {
        "model": {"name": "builtin/demo", "revision": None, "flagged_labels": ["nsfw"]},
        "flagged": True,
        "media": {
            "type": "animation",
            "format": "gif",
            "width": 40,
            "height": 30,
            "frames": 5,
            "duration_seconds": near(0.5),
        },
        "labels": [
            {
                "label": "nsfw",
                "max_score": near(0.9),
                "first": {"frame": 3, "time_seconds": near(0.2)},
                "peak": {"frame": 4, "time_seconds": near(0.3)},
            }
        ],
        "segments": [
            {
                "label": "nsfw",
                "start_seconds": near(0.2),
                "end_seconds": near(0.4),
                "start_frame": 3,
                "end_frame": 4,
                "peak_score": near(0.9),
                "peak_seconds": near(0.3),
            }
        ],
        "coverage": {
            "sampling": "every_frame",
            "frames_decoded": 5,
            "frames_classified": 5,
            "frames_reused": 0,
            "frames_failed": 0,
            "largest_gap_seconds": near(0.1),
            "complete": True,
        },
        "policy": {
            "sampling": "every_frame",
            "thresholds": {"nsfw": 0.7},
            "min_segment_seconds": 0.0,
            "merge_gap_seconds": 0.0,
        },
    }
    assert videos.requests == []


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
async def test_one_flagged_frame_among_many_is_found_in_every_format(
    client: httpx.AsyncClient, kind: str
) -> None:
    redness = [0.0] * 20
    redness[13] = 1.0
    answer = await ask(client, animation(redness, kind), sampling="keyframes")
    assert answer["media"]["type"] == "animation"
    assert answer["media"]["frames"] == 20
    assert answer["coverage"]["frames_classified"] == 20
    assert [(s["start_frame"], s["end_frame"]) for s in answer["segments"]] == [(14, 14)]


@pytest.mark.parametrize("place", [0, 4])
async def test_formats_without_times_have_all_their_frames_looked_at(
    client: httpx.AsyncClient, place: int
) -> None:
    redness = [0.0] * 5
    redness[place] = 1.0
    answer = await ask(client, animation(redness, "TIFF"))
    assert answer["media"]["duration_seconds"] is None
    assert answer["labels"][0]["first"] == {"frame": place + 1, "time_seconds": 0.0}


async def test_a_range_is_decoded_to_its_end_and_classified_from_its_start(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(
        client, animation([0.9] * 10), start_seconds=0.3, end_seconds=0.6, include="scores"
    )
    assert answer["coverage"]["frames_classified"] == 3
    assert answer["coverage"]["frames_decoded"] == 6
    assert answer["series"]["frame"] == [4, 5, 6]
    [segment] = answer["segments"]
    assert (segment["start_frame"], segment["end_frame"]) == (4, 6)


async def test_stopping_at_the_first_hit_leaves_the_rest_unknown(client: httpx.AsyncClient) -> None:
    answer = await ask(client, animation([0.1, 0.9, 0.9, 0.1] * 30), stop_on_first=True)
    assert answer["coverage"]["complete"] is False
    assert answer["coverage"]["frames_classified"] == 2
    assert answer["segments"][-1]["end_frame"] == 2
    assert answer["flagged"] is True


async def test_a_hit_in_the_last_frame_is_a_complete_look(client: httpx.AsyncClient) -> None:
    answer = await ask(client, animation([0.1, 0.1, 0.9]), stop_on_first=True)
    assert answer["coverage"]["complete"] is True


async def test_asking_for_other_labels_does_not_hide_a_flag(client: httpx.AsyncClient) -> None:
    answer = await ask(client, animation([0.1, 0.9]), labels="normal")
    assert answer["flagged"] is True
    assert [entry["label"] for entry in answer["labels"]] == ["normal"]


async def test_segments_follow_the_rules_asked_for(client: httpx.AsyncClient) -> None:
    data = animation([0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9])
    merged = await ask(client, data, merge_gap_seconds=0.15, min_segment_seconds=0.25)
    assert [(s["start_frame"], s["end_frame"]) for s in merged["segments"]] == [(1, 4)]


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
async def test_the_sheet_shows_the_peaks_of_the_segments(
    client: httpx.AsyncClient, kind: str
) -> None:
    data = animation([0.1, 0.75, 1.0, 0.75, 0.1, 0.8, 0.1], kind)
    sheet = (await ask(client, data, include="sheet", blur=False))["sheet"]
    assert sheet["media_type"] == "image/jpeg"
    with Image.open(io.BytesIO(base64.b64decode(sheet["base64"]))) as picture:
        cells = [picture.getpixel((x, 90)) for x in (160, 480)]
    assert [cell[0] for cell in cells] == [pytest.approx(255 * s, abs=6) for s in (1.0, 0.8)]  # type: ignore[index]


async def test_there_is_no_sheet_of_nothing(client: httpx.AsyncClient) -> None:
    answer = await ask(client, animation([0.1, 0.2]), include="sheet")
    assert answer["sheet"] is None


@pytest.mark.parametrize(
    ("data", "params", "status"),
    [
        (still(0.5), {}, 415),
        (animation([0.1, 0.9])[:-30], {}, 422),
        (animation([0.1, 0.9]), {"start_seconds": 5}, 422),
    ],
)
async def test_what_cannot_be_analysed_gets_its_problem(
    client: httpx.AsyncClient, data: bytes, params: dict[str, Any], status: int
) -> None:
    response = await client.post(PATH, files={"file": ("a", data)}, params=params)
    assert response.status_code == status


async def test_too_many_frames_are_refused(make_client: Callable[..., Any]) -> None:
    client = await make_client(limits={"max_animation_frames": 3})
    response = await client.post(PATH, files={"file": ("a", animation([0.1] * 4))})
    assert response.status_code == 413


async def test_a_model_that_fails_is_an_error_and_no_shorter_answer(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    classifier.fail("builtin/demo", InferenceError("NaN."))
    response = await client.post(PATH, files={"file": ("a", animation([0.1, 0.9]))})
    assert response.status_code == 500


async def test_a_client_that_goes_away_ends_the_classification(
    make_app: Callable[..., Any], classifier: FakeClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def hangs(model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        entered.set()
        try:
            return await asyncio.Future()
        finally:
            cancelled.set()

    monkeypatch.setattr(classifier, "classify", hangs)
    files = {"file": ("a", animation([0.1, 0.9]))}
    live = LiveRequest(await make_app(), httpx.Request("POST", f"http://vigil{PATH}", files=files))
    await entered.wait()
    live.go_away()
    await live.task
    assert cancelled.is_set()
