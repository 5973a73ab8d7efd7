"""``POST /v1/videos``: what is answered, and that every parameter reaches the analyst."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from deployments.errors import CorruptMediaError, OverloadedError
from deployments.video.analysis import Progress
from deployments.video.fake import SHEET, FakeVideoAnalyst
from deployments.video.sampling.named import Sampling

from .live import Gate, LiveRequest
from .media import MP4, still

PATH = "/v1/videos"
FILE = {"file": ("a.mp4", MP4)}

CONTRACT: dict[str, Any] = {
    "model": {"name", "revision", "flagged_labels"},
    "flagged": None,
    "media": {
        *("type", "container", "codec", "width", "height", "rotation"),
        *("duration_seconds", "frames", "frame_rate"),
    },
    "labels": {"label", "max_score", "first", "peak"},
    "segments": {
        *("label", "start_seconds", "end_seconds", "start_frame", "end_frame"),
        *("peak_score", "peak_seconds"),
    },
    "coverage": {
        *("sampling", "frames_decoded", "frames_classified", "frames_reused"),
        *("largest_gap_seconds", "complete"),
    },
}
"""The members that clients rely on, at each place of the answer."""
ADDED = {"coverage": {"frames_failed"}}


async def ask(client: httpx.AsyncClient, **params: object) -> Any:
    response = await client.post(PATH, params=params, files=FILE)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return response.json()


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-6)


async def test_the_whole_answer(client: httpx.AsyncClient) -> None:
    assert await ask(client) == {
        "model": {"name": "builtin/demo", "revision": None, "flagged_labels": ["nsfw"]},
        "flagged": True,
        "media": {
            "type": "video",
            "container": "mp4",
            "codec": "h264",
            "width": 320,
            "height": 180,
            "rotation": 0,
            "duration_seconds": 4.0,
            "frames": 40,
            "frame_rate": 10.0,
        },
        "labels": [
            {
                "label": "nsfw",
                "max_score": near(0.9),
                "first": {"frame": 21, "time_seconds": 2.0},
                "peak": {"frame": 21, "time_seconds": 2.0},
            }
        ],
        "segments": [
            {
                "label": "nsfw",
                "start_seconds": 2.0,
                "end_seconds": 3.0,
                "start_frame": 21,
                "end_frame": 30,
                "peak_score": near(0.9),
                "peak_seconds": 2.0,
            }
        ],
        "coverage": {
            "sampling": "every_frame",
            "frames_decoded": 40,
            "frames_classified": 40,
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


async def test_the_answer_has_the_contracts_members_and_those_that_were_added(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(client)
    assert set(answer) == {*CONTRACT, "policy"}
    for name, members in CONTRACT.items():
        places = answer[name] if isinstance(answer[name], list) else [answer[name]]
        for place in places if members else []:
            assert set(place) == members | ADDED.get(name, set()), name
    assert set(answer["labels"][0]["first"]) == {"frame", "time_seconds"}
    assert set(answer["labels"][0]["peak"]) == {"frame", "time_seconds"}


async def test_defaults(client: httpx.AsyncClient, videos: FakeVideoAnalyst) -> None:
    await ask(client)
    [request] = videos.requests
    assert (request.model, request.score) == ("builtin/demo", 0.7)
    assert (request.labels, request.thresholds) == (None, ())
    assert request.sampling is Sampling.ADAPTIVE
    assert (request.settings.max_gap_seconds, request.settings.edge_seconds) == (1.0, 0.1)
    assert (request.start_seconds, request.end_seconds) == (None, None)
    assert (request.stop_on_first, request.scores, request.sheet) == (False, False, False)


@pytest.mark.parametrize(
    ("params", "path", "value"),
    [
        ({"model_name": "ages"}, "model", "ages"),
        ({"labels": ["normal", "nsfw"]}, "labels", ("normal", "nsfw")),
        ({"score": 0.4}, "score", 0.4),
        ({"threshold": "nsfw:0.8"}, "thresholds", (("nsfw", 0.8),)),
        ({"sampling": "adaptive"}, "sampling", Sampling.ADAPTIVE),
        ({"sampling": "every_frame"}, "sampling", Sampling.EVERY_FRAME),
        ({"sampling": "interval"}, "sampling", Sampling.INTERVAL),
        ({"sampling": "keyframes"}, "sampling", Sampling.KEYFRAMES),
        ({"max_gap_seconds": 2}, "settings.max_gap_seconds", 2.0),
        ({"sampling": "keyframes", "max_gap_seconds": 3}, "settings.max_gap_seconds", 3.0),
        ({"edge_seconds": 0.5}, "settings.edge_seconds", 0.5),
        ({"sampling": "interval", "interval_seconds": 4}, "settings.interval_seconds", 4.0),
        ({"start_seconds": 1.5}, "start_seconds", 1.5),
        ({"end_seconds": 2.5}, "end_seconds", 2.5),
        ({"stop_on_first": "true"}, "stop_on_first", True),
        ({"min_segment_seconds": 0.3}, "rules.min_seconds", 0.3),
        ({"merge_gap_seconds": 0.3}, "rules.merge_gap_seconds", 0.3),
        ({"include": "scores"}, "scores", True),
        ({"include": "sheet"}, "sheet", True),
        ({"include": ["scores", "sheet"]}, "sheet", True),
        ({"include": "sheet, scores"}, "scores", True),
        ({"include": "sheet"}, "blur", True),
        ({"include": "sheet", "blur": "false"}, "blur", False),
    ],
)
async def test_every_parameter_reaches_the_analyst(
    client: httpx.AsyncClient,
    videos: FakeVideoAnalyst,
    params: dict[str, Any],
    path: str,
    value: object,
) -> None:
    await ask(client, **params)
    found: Any = videos.requests[0]
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


async def test_labels_with_colons_can_have_thresholds(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, params={"threshold": "a:b:0.5"}, files=FILE)
    assert response.status_code == 422
    assert "no label 'a:b'" in response.json()["detail"]


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"model_name": "nope"}, 404, "builtin/demo"),
        ({"model_name": ""}, 422, "model_name"),
        ({"labels": "cat"}, 422, "normal, nsfw"),
        ({"score": 1.1}, 422, "score"),
        ({"score": "nan"}, 422, "score"),
        ({"threshold": "nsfw"}, 422, "colon"),
        ({"threshold": "nsfw:high"}, 422, "colon"),
        ({"threshold": "nsfw:1.5"}, 422, "0 to 1"),
        ({"threshold": "nsfw:nan"}, 422, "0 to 1"),
        ({"threshold": ":0.5"}, 422, "colon"),
        ({"threshold": "cat:0.5"}, 422, "normal, nsfw"),
        ({"threshold": ["nsfw:0.5", "nsfw:0.6"]}, 422, "more than once"),
        ({"threshold": "normal:0.5"}, 422, "not among the labels"),
        ({"sampling": "all"}, 422, "adaptive"),
        ({"max_gap_seconds": 0}, 422, "max_gap_seconds"),
        ({"max_gap_seconds": "inf"}, 422, "max_gap_seconds"),
        ({"interval_seconds": 2}, 422, "no meaning with sampling=adaptive"),
        ({"sampling": "every_frame", "edge_seconds": 1}, 422, "no meaning"),
        ({"sampling": "keyframes", "edge_seconds": 1}, 422, "no meaning"),
        ({"start_seconds": -1}, 422, "start_seconds"),
        ({"start_seconds": 2, "end_seconds": 2}, 422, "greater than start_seconds"),
        ({"end_seconds": 0}, 422, "greater than start_seconds"),
        ({"min_segment_seconds": -1}, 422, "min_segment_seconds"),
        ({"merge_gap_seconds": "x"}, 422, "merge_gap_seconds"),
        ({"include": "all"}, 422, "include"),
        ({"include": "scores,,"}, 422, "include"),
        ({"blur": "false"}, 422, "include=sheet"),
        ({"stop_on": "nsfw"}, 422, "stop_on"),
        ({"url": "http://example.com"}, 422, "url"),
    ],
)
async def test_a_mistake_in_the_parameters_is_told_before_any_work(
    client: httpx.AsyncClient,
    videos: FakeVideoAnalyst,
    params: dict[str, Any],
    status: int,
    words: str,
) -> None:
    response = await client.post(PATH, params=params, files=FILE)
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert videos.requests == []


async def test_the_form_of_the_documentation_can_be_sent_as_it_is(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    parameters = document["paths"][PATH]["post"]["parameters"]
    defaults = {p["name"]: p["schema"]["default"] for p in parameters if "default" in p["schema"]}
    assert {"sampling", "interval_seconds", "blur"} <= set(defaults)
    assert await ask(client, **defaults) == await ask(client)


async def test_thresholds_per_label_win_over_the_score(client: httpx.AsyncClient) -> None:
    params = {"labels": ["nsfw", "normal"], "score": 0.2, "threshold": "nsfw:0.45"}
    answer = await ask(client, **params)
    assert answer["policy"]["thresholds"] == {"nsfw": 0.45, "normal": 0.2}
    first = {entry["label"]: entry["first"] for entry in answer["labels"]}
    assert first["nsfw"]["frame"] == 11
    assert first["normal"]["frame"] == 1


async def test_asking_for_other_labels_does_not_hide_a_flag(client: httpx.AsyncClient) -> None:
    answer = await ask(client, labels="normal")
    assert answer["flagged"] is True
    assert [entry["label"] for entry in answer["labels"]] == ["normal"]
    assert {segment["label"] for segment in answer["segments"]} == {"normal"}


async def test_a_model_without_flagged_labels_does_not_say_safe(client: httpx.AsyncClient) -> None:
    answer = await ask(client, model_name="ages")
    assert answer["flagged"] is None
    assert [entry["label"] for entry in answer["labels"]] == ["young", "middle", "old"]
    assert answer["labels"][0]["first"] is None


async def test_a_range_bounds_what_is_looked_at(client: httpx.AsyncClient) -> None:
    answer = await ask(client, start_seconds=0.5, end_seconds=1.5, score=0.5)
    assert answer["coverage"]["frames_classified"] == 10
    [segment] = answer["segments"]
    assert (segment["start_seconds"], segment["end_seconds"]) == (1.0, 1.5)


async def test_a_range_behind_the_end_is_a_mistake(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, params={"start_seconds": 9}, files=FILE)
    assert response.status_code == 422
    assert "4 s" in response.json()["detail"]


async def test_stopping_early_says_that_the_answer_is_not_complete(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(client, stop_on_first=True)
    assert answer["coverage"]["complete"] is False
    assert answer["coverage"]["frames_classified"] == 21
    [segment] = answer["segments"]
    assert (segment["start_frame"], segment["end_frame"]) == (21, 21)


async def test_scores_come_by_columns_one_row_for_each_look(client: httpx.AsyncClient) -> None:
    answer = await ask(client, include="scores", labels=["nsfw", "normal"], end_seconds=1.2)
    series = answer["series"]
    assert series["frame"] == list(range(1, 13))
    assert series["time_seconds"] == near([i / 10 for i in range(12)])  # type: ignore[arg-type]
    assert series["reused"] == [False] * 12
    assert list(series["scores"]) == ["nsfw", "normal"]
    assert series["scores"]["nsfw"] == near([0.1] * 10 + [0.5] * 2)  # type: ignore[arg-type]
    assert "sheet" not in answer


async def test_a_sheet_is_a_jpeg_in_base64_or_null_where_nothing_was_found(
    client: httpx.AsyncClient,
) -> None:
    found = await ask(client, include="sheet")
    assert found["sheet"]["media_type"] == "image/jpeg"
    assert base64.b64decode(found["sheet"]["base64"]) == SHEET
    assert "series" not in found
    assert (await ask(client, include="sheet", score=1))["sheet"] is None


async def test_the_policy_names_the_settings_that_were_in_use(
    client: httpx.AsyncClient, videos: FakeVideoAnalyst
) -> None:
    # The fake looks at every frame, whatever is asked: then no setting was in use.
    policy = (await ask(client, max_gap_seconds=2))["policy"]
    assert policy["sampling"] == "every_frame"
    assert "max_gap_seconds" not in policy
    *_, analysis = [e async for e in videos.analyse(MP4, videos.requests[0])]
    sampled = replace(analysis, coverage=replace(analysis.coverage, sampling="adaptive"))
    videos.play(sampled)
    policy = (await ask(client, max_gap_seconds=2))["policy"]
    assert policy["sampling"] == "adaptive"
    assert (policy["max_gap_seconds"], policy["edge_seconds"]) == (2.0, 0.1)
    assert "interval_seconds" not in policy


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 415, "empty"),
        (b"hello", 415, "not an image or a video"),
        (b"#EXTM3U\n", 415, "playlist"),
        (still(0.5), 415, "/v1/images"),
    ],
)
async def test_what_is_no_video_gets_its_problem(
    client: httpx.AsyncClient, data: bytes, status: int, words: str
) -> None:
    response = await client.post(PATH, files={"file": ("a.mp4", data)})
    assert response.status_code == status
    assert words in response.json()["detail"]


async def test_a_video_over_the_limit_is_not_sent_on(
    make_client: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    client = await make_client(limits={"max_video_bytes": len(MP4) - 1})
    assert (await client.post(PATH, files=FILE)).status_code == 413
    assert videos.requests == []


@pytest.mark.parametrize(
    ("error", "status"), [(CorruptMediaError("Damaged."), 422), (OverloadedError("Full.", 7), 503)]
)
async def test_errors_of_the_analyst_keep_their_status_however_late_they_come(
    client: httpx.AsyncClient, videos: FakeVideoAnalyst, error: Exception, status: int
) -> None:
    videos.play(Progress(1.0, 0.5), error)  # type: ignore[arg-type]
    response = await client.post(PATH, files=FILE)
    assert response.status_code == status
    assert response.json()["detail"] == error.args[0]


@pytest.mark.parametrize(
    "files", [{"other": ("a", MP4)}, [("file", ("a", MP4)), ("file", ("b", MP4))]]
)
async def test_the_form_holds_exactly_one_file(
    client: httpx.AsyncClient, files: Any, videos: FakeVideoAnalyst
) -> None:
    assert (await client.post(PATH, files=files)).status_code == 422
    assert videos.requests == []


async def test_a_body_that_is_no_form_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(PATH, content=MP4)).status_code == 415


async def test_api_keys_protect_the_route(make_client: Callable[..., Any]) -> None:
    client = await make_client({"API_KEYS": "secret"})
    assert (await client.post(PATH, files=FILE)).status_code == 401
    headers = {"X-API-Key": "secret"}
    assert (await client.post(PATH, files=FILE, headers=headers)).status_code == 200


async def test_a_client_that_goes_away_ends_the_analysis(
    make_app: Callable[..., Any], videos: FakeVideoAnalyst
) -> None:
    videos.play(Progress(1.0, 0.5), gate := Gate())
    live = LiveRequest(await make_app(), httpx.Request("POST", f"http://vigil{PATH}", files=FILE))
    await gate.reached.wait()
    assert not videos.closed.is_set()
    live.go_away()
    await videos.closed.wait()
    assert (await live.start())[0] == 499
