"""The parts of the measured systems that can be tested without starting them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from benchmarks import vigil_config
from benchmarks.images.agreement import answered_scores
from benchmarks.images.batch_counter import BatchCounter, read_batches
from benchmarks.images.reference import ZERO, references
from benchmarks.images.scenarios import select
from benchmarks.images.systems import ideal, peer_model, ray_metrics
from benchmarks.load import Answer
from benchmarks.model_kind import ModelKind
from serve_app.config import resolve
from tests.assets.images import image_bytes

JPEG = image_bytes("jpeg", (640, 480), seed=1)


def config(port: int = 8123) -> dict[str, vigil_config.Yaml]:
    return vigil_config.vigil(vigil_config.shipped(), port, ModelKind("zero"), "zero")


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    return path


async def test_ideal_answers_as_vigil_does_and_counts_its_batches(
    tmp_path: Path, jpeg: Path
) -> None:
    settings = resolve(vigil_config.arguments_of(config()), {})
    batches = tmp_path / "batches"
    app = ideal.create(settings, ideal.load(settings, is_zero=True), BatchCounter(batches))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ideal") as client:
        response = await client.post("/api/image-classification", files={"file": JPEG})
    (scores,) = answered_scores(Answer(("a.jpg",), response.status_code, response.content))
    assert scores == pytest.approx(references(ZERO, [jpeg])["a.jpg"], abs=2e-3)
    assert read_batches(batches) == 1


def test_the_peers_model_that_costs_nothing_scores_as_its_reference(jpeg: Path) -> None:
    model = peer_model.load(ZERO, "auto")
    first, second = model.classify([model.prepare(JPEG), model.prepare(JPEG)])
    assert first == second
    assert first[0]["score"] > first[1]["score"]
    by_label = {str(entry["label"]): entry["score"] for entry in first}
    assert by_label == pytest.approx(references(ZERO, [jpeg])["a.jpg"], abs=2e-3)


def test_vigil_is_measured_as_it_ships_but_for_port_and_model() -> None:
    shipped = vigil_config.shipped()
    measured = vigil_config.vigil(shipped, 8123, ModelKind("base", "bfloat16"), "/a/model")
    arguments = vigil_config.arguments_of(measured)
    original = vigil_config.arguments_of(shipped)
    changed = {key for key in original if original[key] != arguments[key]}
    assert changed == {"default_model", "models"}
    settings = resolve(arguments, {})
    assert [(m.name, m.source, m.dtype) for m in settings.models] == [
        ("benchmark", "/a/model", "bfloat16")
    ]
    assert settings.models[0].replicas == resolve(original, {}).models[0].replicas
    changed = {key for key in shipped if shipped[key] != measured[key]}
    assert changed == {"applications", "http_options"}


def test_the_empty_application_runs_under_the_same_settings_of_ray() -> None:
    shipped = vigil_config.shipped()
    measured = vigil_config.empty(shipped, 8123)
    assert measured["controller_options"] == shipped["controller_options"]
    assert measured["proxy_location"] == shipped["proxy_location"]


def test_the_bare_application_runs_the_same_model_under_the_same_settings() -> None:
    kind = ModelKind("tiny")
    ours = vigil_config.vigil(vigil_config.shipped(), 8123, kind, "/a/model")
    bare = vigil_config.bare(vigil_config.shipped(), 8123, kind, "/a/model")
    assert vigil_config.arguments_of(bare) == vigil_config.arguments_of(ours)
    assert {key for key in ours if ours[key] != bare[key]} == {"applications"}


def test_batches_of_all_replicas_of_one_ray_are_counted() -> None:
    page = "\n".join(
        [
            "# TYPE ray_vigil_batch_frames histogram",
            'ray_vigil_batch_frames_bucket{SessionName="mine",le="1.0"} 9.0',
            'ray_vigil_batch_frames_count{SessionName="mine",replica="a"} 12.0',
            'ray_vigil_batch_frames_count{SessionName="mine",replica="b"} 3.0',
            'ray_vigil_batch_frames_count{SessionName="another",replica="c"} 100.0',
            'ray_vigil_batch_frames_sum{SessionName="mine",replica="a"} 40.0',
        ]
    )
    assert ray_metrics.batches_in(page, "mine") == 15
    assert ray_metrics.batches_in("", "mine") == 0


def test_a_pattern_selects_scenarios_and_none_selects_all_but_the_soak_test() -> None:
    assert [scenario.name for scenario in select(["tiny-?", "memory"])] == [
        "tiny-1",
        "tiny-8",
        "memory",
    ]
    assert "memory" not in {scenario.name for scenario in select([])}
    with pytest.raises(ValueError, match="'typo'"):
        select(["tiny-1", "typo"])
