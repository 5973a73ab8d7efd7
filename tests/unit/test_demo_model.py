"""The embedded model and the bundled samples are what their card and their facts say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from transformers import ImageClassificationPipeline, ViTForImageClassification

from scripts.demo_model import verify
from scripts.demo_model.images import LABELS, image_set, picture
from scripts.demo_model.metrics import Metrics, measure, roc_auc
from scripts.demo_model.samples import OUTPUT as SAMPLES
from scripts.demo_model.samples import Facts
from scripts.demo_model.train import OUTPUT as MODEL
from scripts.demo_model.train import scores

FACTS = cast("list[Facts]", json.loads((SAMPLES / "samples.json").read_text("utf-8"))["samples"])
FRESH_SEED, FRESH_IMAGES = 424_242, 200
MARGIN = 0.055
"""Four standard errors of an accuracy of 0.96 over 200 pictures: 4 · √(0.96 · 0.04 / 200)."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def classifier() -> ImageClassificationPipeline:
    return verify.load()


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return cast("Metrics", json.loads((MODEL / "metrics.json").read_text("utf-8")))


class TestModel:
    def test_is_a_small_vit_in_safetensors(self) -> None:
        weights = MODEL / "model.safetensors"
        assert weights.stat().st_size <= 4_000_000
        with safe_open(weights, "pt") as file:
            parameters = sum(np.prod(file.get_slice(k).get_shape()) for k in file.keys())  # noqa: SIM118
        assert 100_000 < parameters <= 1_500_000
        assert not list(MODEL.glob("*.bin"))

    def test_takes_the_labels_and_the_input_of_the_model_it_stands_in_for(
        self, classifier: ImageClassificationPipeline
    ) -> None:
        assert isinstance(classifier.model, ViTForImageClassification)
        assert (
            classifier.model.config.id2label == {0: "normal", 1: "nsfw"} == dict(enumerate(LABELS))
        )
        processor = json.loads((MODEL / "preprocessor_config.json").read_text("utf-8"))
        assert processor["size"] == {"height": 224, "width": 224}
        assert processor["image_mean"] == processor["image_std"] == [0.5, 0.5, 0.5]

    def test_is_marked_as_a_demonstration(self) -> None:
        config = json.loads((MODEL / "config.json").read_text("utf-8"))
        assert config["vigil_demonstration"] is True
        assert "does not moderate" in (MODEL / "README.md").read_text("utf-8")

    def test_card_quotes_what_was_measured(self, metrics: Metrics) -> None:
        card = (MODEL / "README.md").read_text("utf-8")
        assert f"| accuracy | {metrics['accuracy']:.4f} |" in card
        assert f"| area under the ROC curve | {metrics['roc_auc']:.4f} |" in card
        confusion = metrics["confusion"]
        assert f"| is `normal` | {confusion['true_normal']} | {confusion['false_nsfw']} |" in card
        assert f"| is `nsfw` | {confusion['false_normal']} | {confusion['true_nsfw']} |" in card
        right = confusion["true_normal"] + confusion["true_nsfw"]
        assert sum(confusion.values()) == metrics["images"]
        assert right / metrics["images"] == pytest.approx(metrics["accuracy"], abs=5e-5)

    def test_is_as_accurate_on_fresh_pictures_as_the_card_says(
        self, classifier: ImageClassificationPipeline, metrics: Metrics
    ) -> None:
        fresh = image_set(FRESH_SEED, FRESH_IMAGES)
        model = cast("ViTForImageClassification", classifier.model)
        measured = measure(FRESH_SEED, scores(model, fresh), fresh.labels, fresh.scenes)
        assert metrics["accuracy"] >= 0.95
        assert measured["accuracy"] >= metrics["accuracy"] - MARGIN

    def test_scores_the_same_through_the_pipeline_as_through_the_training_code(
        self, classifier: ImageClassificationPipeline
    ) -> None:
        image, _ = picture(FRESH_SEED, 1)
        answer = classifier(image)
        through_pipeline = next(a["score"] for a in answer if a["label"] == "nsfw")
        model = cast("ViTForImageClassification", classifier.model)
        direct = scores(model, image_set(FRESH_SEED, 1, start=1))[0]
        assert through_pipeline == pytest.approx(direct, abs=1e-5)


class TestPictures:
    def test_are_the_same_for_the_same_seed(self) -> None:
        first, second = image_set(7, 6), image_set(7, 6)
        assert np.array_equal(first.pixels, second.pixels)
        assert first.scenes == second.scenes

    def test_do_not_depend_on_where_a_set_starts(self) -> None:
        assert np.array_equal(image_set(7, 6).pixels[4:], image_set(7, 2, start=4).pixels)

    def test_differ_between_seeds(self) -> None:
        assert not np.array_equal(image_set(7, 2).pixels, image_set(8, 2).pixels)

    def test_are_half_flagged(self) -> None:
        assert image_set(7, 8).labels.tolist() == [0, 1] * 4


class TestRocAuc:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [([0.1, 0.2, 0.8, 0.9], 1.0), ([0.9, 0.8, 0.2, 0.1], 0.0), ([0.5, 0.5, 0.5, 0.5], 0.5)],
    )
    def test_is_the_chance_that_a_flagged_picture_scores_higher(
        self, values: list[float], expected: float
    ) -> None:
        labels = np.array([0, 0, 1, 1])
        assert roc_auc(np.array(values, np.float32), labels) == pytest.approx(expected)


class TestSamples:
    def test_are_all_described_and_small(self) -> None:
        files = {path.name for path in SAMPLES.iterdir()} - {"samples.json"}
        assert files == {facts["file"] for facts in FACTS}
        assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= 2_000_000

    @pytest.mark.parametrize("facts", FACTS, ids=lambda facts: facts["file"])
    def test_have_the_size_and_frames_of_their_facts(self, facts: Facts) -> None:
        path = SAMPLES / facts["file"]
        frames = verify.frames(path)
        assert path.stat().st_size == facts["bytes"]
        assert len(frames) == facts["frames"]
        assert {frame.size for frame in frames} == {(facts["width"], facts["height"])}

    @pytest.mark.parametrize("facts", FACTS, ids=lambda facts: facts["file"])
    def test_are_judged_as_their_facts_say_in_every_frame(
        self, facts: Facts, classifier: ImageClassificationPipeline
    ) -> None:
        found = verify.nsfw_scores(classifier, SAMPLES / facts["file"])
        for score, flagged in zip(found, verify.expected(facts), strict=True):
            assert score > verify.CLEARLY_FLAGGED if flagged else score < verify.CLEARLY_NORMAL

    def test_video_is_flagged_in_exactly_its_middle_third(self) -> None:
        facts = next(facts for facts in FACTS if facts["type"] == "video")
        flagged = verify.expected(facts)
        third = facts["frames"] // 3
        assert flagged == [False] * third + [True] * third + [False] * third
        assert facts["flagged_frames"] == {"first": third + 1, "last": 2 * third, "counted_from": 1}

    def test_no_two_are_the_same_picture(self) -> None:
        digests = {hashlib.sha256(path.read_bytes()).digest() for path in SAMPLES.iterdir()}
        assert len(digests) == len(FACTS) + 1

    def test_stills_cover_the_formats_that_they_claim(self) -> None:
        for facts in FACTS:
            if facts["type"] == "video":
                continue
            with Image.open(SAMPLES / facts["file"]) as image:
                claimed = {"heic": "HEIF"}.get(facts["format"], facts["format"].upper())
                assert image.format == claimed
