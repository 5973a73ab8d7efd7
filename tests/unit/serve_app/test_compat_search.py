"""``/api/image-query-classification`` and its multi route, line by line."""

from __future__ import annotations

import httpx
import pytest

from deployments.classifier.fake import FakeClassifier

from .media import animation, still

ONE = "/api/image-query-classification"
MANY = "/api/multi-image-query-classification"
LEVELS = [0.1, 0.3, 0.8, 0.95, 0.2]
"""``nsfw`` of each frame; ``normal`` is the rest to 1."""


async def ask(client: httpx.AsyncClient, data: bytes, **params: object) -> object:
    response = await client.post(ONE, params=params, files={"file": ("x", data)})  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return response.json()


def close(label: str, score: float, frame: int | None = None) -> dict[str, object]:
    found = {"label": label, "score": pytest.approx(score, abs=0.01)}
    return found if frame is None else {"frame": frame, **found}


async def test_a_still_reports_the_flagged_labels_at_or_over_the_default_score(
    client: httpx.AsyncClient,
) -> None:
    assert await ask(client, still(0.8)) == [close("nsfw", 0.8)]
    assert await ask(client, still(0.6)) == []


async def test_the_default_score_is_the_configured_one(make_client) -> None:  # type: ignore[no-untyped-def]
    client = await make_client({"DEFAULT_SCORE": "0.5"})
    assert await ask(client, still(0.6)) == [close("nsfw", 0.6)]


async def test_a_score_equal_to_the_threshold_matches(client: httpx.AsyncClient) -> None:
    [exact] = (
        await client.post("/api/image-classification", files={"file": ("x", still(0.6))})
    ).json()[:1]
    assert await ask(client, still(0.6), score=exact["score"], labels=exact["label"]) == [exact]


@pytest.mark.parametrize("score", [0, 1])
async def test_the_ends_of_the_range_are_thresholds(client: httpx.AsyncClient, score: int) -> None:
    assert await ask(client, still(1.0), score=score) == [close("nsfw", 1.0)]


async def test_labels_are_reported_in_the_order_asked_and_once(client: httpx.AsyncClient) -> None:
    both = await ask(client, still(0.4), labels=["nsfw", "normal", "nsfw"], score=0.3)
    assert both == [close("nsfw", 0.4), close("normal", 0.6)]
    swapped = await ask(client, still(0.4), labels=["normal", "nsfw"], score=0.3)
    assert swapped == [close("normal", 0.6), close("nsfw", 0.4)]


async def test_without_flagged_labels_all_labels_are_looked_for(client: httpx.AsyncClient) -> None:
    found = await ask(client, still(0.8), model_name="ages", score=0)
    assert [f["label"] for f in found] == ["young", "middle", "old"]  # type: ignore[attr-defined]


async def test_without_labels_only_the_flagged_ones_are_looked_for(
    client: httpx.AsyncClient,
) -> None:
    found = await ask(client, still(0.8), model_name="five", score=0)
    assert [f["label"] for f in found] == ["porn", "sexy"]  # type: ignore[attr-defined]


async def test_a_label_that_the_model_lacks_is_422_and_its_labels_are_named(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    response = await client.post(
        ONE, params={"labels": ["nsfw", "porn"]}, files={"file": ("x", still(0.9))}
    )
    assert response.status_code == 422
    assert response.json()["title"] == "Unknown label"
    assert "'porn'" in response.json()["detail"]
    assert "normal, nsfw" in response.json()["detail"]
    assert classifier.calls == []


async def test_each_label_is_reported_at_its_first_frame_counted_from_0(
    client: httpx.AsyncClient,
) -> None:
    found = await ask(client, animation(LEVELS), labels=["nsfw", "normal"])
    assert found == [close("normal", 0.9, frame=0), close("nsfw", 0.8, frame=2)]


async def test_in_one_frame_labels_come_in_the_order_asked(client: httpx.AsyncClient) -> None:
    found = await ask(client, animation([0.9, 0.5]), labels=["nsfw", "normal"], score=0.05)
    assert found == [close("nsfw", 0.9, frame=0), close("normal", 0.1, frame=0)]


async def test_the_search_stops_at_the_first_frame_with_any_match(
    client: httpx.AsyncClient,
) -> None:
    found = await ask(
        client, animation(LEVELS), labels=["nsfw", "normal"], return_on_first_matching_label=True
    )
    assert found == [close("normal", 0.9, frame=0)]
    both = await ask(
        client,
        animation([0.5, 0.9]),
        labels=["nsfw", "normal"],
        score=0.4,
        return_on_first_matching_label=True,
    )
    assert both == [close("nsfw", 0.5, frame=0), close("normal", 0.5, frame=0)]


async def test_no_more_frames_are_classified_than_the_answer_needs(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    levels = [0.9] + [0.1 + index / 1000 for index in range(299)]
    assert await ask(client, animation(levels)) == [close("nsfw", 0.9, frame=0)]
    assert sum(call.frames for call in classifier.calls) < 200


async def test_fast_mode_looks_at_every_kth_frame_of_an_animation(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    # 40 frames and 10 %: k = 4. Frame 6 would match but is not looked at; frame 8 is.
    levels = [0.1 + index / 1000 for index in range(40)]
    levels[6], levels[8] = 0.95, 0.9
    data = animation(levels)
    assert await ask(client, data) == [close("nsfw", 0.95, frame=6)]
    classifier.calls.clear()
    fast = await ask(client, data, fast_mode=True, skip_frames_percentage=10, labels=["nsfw"])
    assert fast == [close("nsfw", 0.9, frame=8)]
    assert sum(call.frames for call in classifier.calls) == 10


async def test_fast_mode_skips_5_percent_unless_told_otherwise(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    data = animation([0.1 + index / 1000 for index in range(60)])
    assert await ask(client, data, fast_mode=True) == []
    assert sum(call.frames for call in classifier.calls) == 20


async def test_fast_mode_of_a_short_animation_looks_at_every_frame(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    assert await ask(client, animation(LEVELS), fast_mode=True) == [close("nsfw", 0.8, frame=2)]
    assert sum(call.frames for call in classifier.calls) == 5


async def test_a_percentage_without_fast_mode_changes_nothing(client: httpx.AsyncClient) -> None:
    found = await ask(client, animation(LEVELS), skip_frames_percentage=100)
    assert found == [close("nsfw", 0.8, frame=2)]


@pytest.mark.parametrize("name", ["score", "skip_frames_percentage"])
@pytest.mark.parametrize("value", ["-0.1", "101", "nan", "inf", "x", ""])
async def test_numbers_outside_their_range_are_422(
    client: httpx.AsyncClient, name: str, value: str
) -> None:
    response = await client.post(
        ONE, params={name: value, "fast_mode": True}, files={"file": ("x", still(0.9))}
    )
    assert response.status_code == 422
    assert f"{name}: " in response.json()["detail"]


@pytest.mark.parametrize("value", [0, 0.99, 100.01])
async def test_the_percentage_is_1_to_100(client: httpx.AsyncClient, value: float) -> None:
    response = await client.post(
        ONE, params={"skip_frames_percentage": value}, files={"file": ("x", still(0.9))}
    )
    assert response.status_code == 422


class TestModelNames:
    async def test_given_even_once_the_answer_is_keyed(self, client: httpx.AsyncClient) -> None:
        found = await ask(client, still(0.8), model_names="builtin/demo")
        assert found == [{"builtin/demo": [close("nsfw", 0.8)]}]

    async def test_models_answer_in_the_order_asked_even_twice(
        self, client: httpx.AsyncClient, classifier: FakeClassifier
    ) -> None:
        names = ["five", "builtin/demo", "five"]
        found = await ask(client, still(0.8), model_names=names)
        five = [close("sexy", 0.8)]
        assert found == [{"five": five}, {"builtin/demo": [close("nsfw", 0.8)]}, {"five": five}]
        assert len(classifier.calls) == 2

    async def test_every_model_sees_the_whole_animation_it_needs(
        self, client: httpx.AsyncClient
    ) -> None:
        found = await ask(
            client,
            animation([0.1, 0.9, 0.2]),
            model_names=["builtin/demo", "ages"],
            score=0.44,
        )
        assert found == [
            {"builtin/demo": [close("nsfw", 0.9, frame=1)]},
            {"ages": [close("young", 0.45, 0), close("middle", 0.45, 0), close("old", 0.9, 1)]},
        ]

    async def test_a_label_must_exist_in_every_model(self, client: httpx.AsyncClient) -> None:
        params = {"model_names": ["builtin/demo", "ages"], "labels": "nsfw"}
        response = await client.post(ONE, params=params, files={"file": ("x", still(0.9))})
        assert response.status_code == 422
        assert "'ages'" in response.json()["detail"]

    async def test_one_unknown_model_fails_the_request(self, client: httpx.AsyncClient) -> None:
        params = {"model_names": ["builtin/demo", "nope"]}
        response = await client.post(ONE, params=params, files={"file": ("x", still(0.9))})
        assert response.status_code == 404

    async def test_model_name_and_model_names_together_are_422(
        self, client: httpx.AsyncClient
    ) -> None:
        params = {"model_names": "ages", "model_name": "ages"}
        response = await client.post(ONE, params=params, files={"file": ("x", still(0.9))})
        assert response.status_code == 422
        assert "not both" in response.json()["detail"]

    async def test_in_the_multi_route_each_file_is_keyed_by_model(
        self, client: httpx.AsyncClient
    ) -> None:
        files = [("files", ("a", still(0.8))), ("files", ("b", animation(LEVELS)))]
        params = {"model_names": ["builtin/demo", "five"]}
        answer = (await client.post(MANY, params=params, files=files)).json()
        assert answer == [
            {"0": [{"builtin/demo": [close("nsfw", 0.8)]}, {"five": [close("sexy", 0.8)]}]},
            {"1": [{"builtin/demo": [close("nsfw", 0.8, 2)]}, {"five": [close("sexy", 0.8, 2)]}]},
        ]


async def test_several_files_are_searched_by_position(client: httpx.AsyncClient) -> None:
    files = [
        ("files", ("a", still(0.1))),
        ("files", ("b", animation(LEVELS))),
        ("files", ("c", still(0.9))),
    ]
    answer = (await client.post(MANY, files=files)).json()
    assert answer == [{"0": []}, {"1": [close("nsfw", 0.8, 2)]}, {"2": [close("nsfw", 0.9)]}]


async def test_damage_behind_the_answer_is_still_damage_when_the_header_shows_it(
    client: httpx.AsyncClient,
) -> None:
    cut = animation([0.95, 0.1, 0.2])[:-12]
    response = await client.post(ONE, files={"file": ("a.gif", cut)})
    assert response.status_code == 422
