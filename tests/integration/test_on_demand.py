"""Models that are named at request time, loaded from a hub on loopback."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.assets.fake_hub import COMMIT
from tests.assets.images import image_bytes

JPEG = image_bytes("jpeg", (96, 64), seed=4)


def ask(client: httpx.Client, name: str) -> httpx.Response:
    return client.post("/v1/images", files={"files": ("a.jpg", JPEG)}, params={"model_name": name})


def test_more_models_than_fit_take_turns_and_each_answers_as_itself(client: httpx.Client) -> None:
    for name in ("one", "two", "three", "one", "three", "two"):
        answer = ask(client, f"acme/{name}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert body["model"] == {
            "name": f"acme/{name}",
            "revision": COMMIT,
            "flagged_labels": [f"nsfw-{name}"],
        }
        labels = {entry["label"] for entry in body["results"][0]["labels"]}
        assert labels == {"normal", f"nsfw-{name}"}


@pytest.mark.parametrize(
    ("name", "status"),
    [("acme/missing", 404), ("acme/pickled", 422), ("acme/gated", 422), ("other/one", 404)],
)
def test_a_model_that_cannot_be_had_says_so(client: httpx.Client, name: str, status: int) -> None:
    answer = ask(client, name)
    assert answer.status_code == status, answer.text
    assert name in answer.json()["detail"]
