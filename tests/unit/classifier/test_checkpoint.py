"""Checkpoints that cannot be served safely are refused, and never answer with random scores."""

from __future__ import annotations

import logging
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model
from deployments.classifier.options import ModelOptions
from deployments.errors import UnsupportedModelError
from tests.assets.models import StandIn, edit_json
from tests.assets.stand_ins import vit


@pytest.fixture
def directory(checkpoint: Callable[[StandIn], Path], tmp_path: Path) -> Path:
    """A good checkpoint to spoil."""
    return shutil.copytree(checkpoint(vit("ViT")), tmp_path / "checkpoint")


def load(directory: Path) -> Model:
    return Model.load(ModelSource("mine", str(directory)), ModelOptions(device="cpu"))


def refusal(directory: Path) -> str:
    with pytest.raises(UnsupportedModelError) as raised:
        load(directory)
    assert str(directory) not in raised.value.detail
    return raised.value.detail


def without_head(directory: Path) -> None:
    weights = load_file(directory / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "classifier" not in name}
    save_file(kept, directory / "model.safetensors", metadata={"format": "pt"})


def as_pickle(directory: Path) -> None:
    weights = load_file(directory / "model.safetensors")
    torch.save(weights, directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()


def test_a_backbone_without_its_head_is_refused(directory: Path) -> None:
    without_head(directory)

    assert "not trained for classification" in refusal(directory)


def test_a_checkpoint_of_another_task_is_refused(directory: Path) -> None:
    edit_json("config.json", model_type="bert")(directory)

    assert "not an image-classification model" in refusal(directory)


def test_pickled_weights_are_not_loaded(directory: Path) -> None:
    as_pickle(directory)

    assert "safetensors" in refusal(directory)


def test_weights_that_are_no_safetensors_are_refused(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(pickle.dumps({"weight": 1}))

    assert "cannot be loaded" in refusal(directory)


def test_truncated_weights_are_refused(directory: Path) -> None:
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])

    assert "cannot be loaded" in refusal(directory)


def test_weights_of_another_shape_than_configured_are_refused(directory: Path) -> None:
    edit_json("config.json", hidden_size=48)(directory)

    assert "cannot be loaded" in refusal(directory)


@pytest.mark.parametrize(
    ("file", "auto_map"),
    [
        ("config.json", {"AutoModelForImageClassification": "own.Model"}),
        ("config.json", {"AutoConfig": "own.Config"}),
        ("preprocessor_config.json", {"AutoImageProcessor": "own.Processor"}),
    ],
)
def test_code_of_the_repository_is_never_run(
    file: str, auto_map: dict[str, str], directory: Path
) -> None:
    edit_json(file, auto_map=auto_map)(directory)
    (directory / "own.py").write_text("raise SystemExit('the code was run')")

    assert "never run here" in refusal(directory)


def test_a_timm_checkpoint_says_what_to_install(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_json("config.json", model_type=None, architecture="vit_tiny", pretrained_cfg={})(directory)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert "'timm'" in refusal(directory)


def test_a_checkpoint_without_a_processor_is_refused(directory: Path) -> None:
    (directory / "preprocessor_config.json").unlink()

    assert "preprocessor_config.json" in refusal(directory)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_a_file_that_is_no_json_is_refused(file: str, directory: Path) -> None:
    (directory / file).write_text("{")

    assert file in refusal(directory)


@pytest.mark.parametrize(
    "settings",
    [
        {"resample": 17},
        {"size": {"edge": 3}},
        {"size": "large"},
        {"image_mean": [0.5, 0.5]},
        {"image_processor_type": "NoSuchProcessor"},
    ],
    ids=str,
)
def test_a_processor_with_senseless_settings_is_refused(
    settings: dict[str, object], directory: Path
) -> None:
    edit_json("preprocessor_config.json", **settings)(directory)

    assert "image processor" in refusal(directory)


@pytest.mark.parametrize(
    "settings", [{"hidden_size": "wide"}, {"num_attention_heads": 0}, {"id2label": {"a": "b"}}]
)
def test_a_configuration_with_senseless_settings_is_refused(
    settings: dict[str, object], directory: Path
) -> None:
    edit_json("config.json", **settings)(directory)

    assert refusal(directory)


def test_a_good_checkpoint_loads_without_a_word(
    directory: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        load(directory)

    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
