"""A loaded model: batches in, finite scores out, and what is told of it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

from deployments.classifier import bfloat16
from deployments.classifier.cpu_forward import CpuForward
from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model, load_model
from deployments.classifier.options import ModelOptions
from deployments.classifier.packed_linear import PackedLinear
from deployments.errors import (
    InferenceError,
    MediaTooLargeError,
    UnknownLabelError,
    UnsupportedModelError,
)
from deployments.media.fit import fit
from deployments.types import FitMode, Frame, Frames
from tests.assets.models import StandIn, edit_json, save
from tests.assets.stand_ins import SIZES_DIFFER, vit

OPTIONS = ModelOptions(device="cpu", max_batch_size=8)


@pytest.fixture
def directory(checkpoint: Callable[[StandIn], Path]) -> Path:
    return checkpoint(vit("ViT"))


@pytest.fixture
def model(directory: Path) -> Model:
    return Model.load(ModelSource("mine", str(directory)), OPTIONS)


def noise(count: int, seed: int = 0, height: int = 64, width: int = 64) -> Frames:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def spoil_weights(directory: Path, value: float) -> None:
    weights = load_file(directory / "model.safetensors")
    weights["classifier.bias"].fill_(value)
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})


def test_a_batch_gives_each_item_the_scores_that_it_gets_alone(model: Model) -> None:
    items = [noise(2, 1), noise(1, 2), noise(3, 3)]

    together = model.scores(items)

    alone = np.concatenate([model.scores([item]) for item in items])
    assert together.shape == (6, 3)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_an_earlier_batch_leaves_no_trace_in_a_later_one(model: Model) -> None:
    first = model.scores([noise(8, 1)]).copy()
    kept = model.scores([noise(8, 1)])

    model.scores([noise(5, 2)])

    np.testing.assert_array_equal(kept, first)
    np.testing.assert_array_equal(model.scores([noise(8, 1)]), first)


def test_items_may_be_read_only_and_strided(model: Model) -> None:
    frames = noise(4)
    frames.flags.writeable = False

    np.testing.assert_allclose(
        model.scores([frames[::2]]), model.scores([frames[::2].copy()]), atol=1e-6
    )


@pytest.mark.parametrize(
    "items",
    [
        [],
        [noise(9)],
        [noise(1, height=65)],
        [noise(1)[0]],
        [noise(1)[..., :1]],
        [noise(1).astype(np.float32)],
    ],
    ids=["nothing", "too many", "not fit", "no batch axis", "grey", "float"],
)
def test_frames_that_are_not_fit_are_refused(items: list[Frames], model: Model) -> None:
    with pytest.raises(InferenceError):
        model.scores(items)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_an_error(value: float, tmp_path: Path) -> None:
    directory = save(vit("ViT"), tmp_path, [Image.fromarray(frame) for frame in noise(4)])
    spoil_weights(directory, value)
    model = Model.load(ModelSource("mine", str(directory)), OPTIONS)

    with pytest.raises(InferenceError, match="no numbers"):
        model.scores([noise(1)])


def test_a_network_that_does_not_take_the_processors_size_fails_while_it_warms(
    tmp_path: Path,
) -> None:
    directory = save(vit("ViT"), tmp_path, [Image.fromarray(frame) for frame in noise(4)])
    edit_json("preprocessor_config.json", size={"height": 80, "width": 80})(directory)

    with pytest.raises(InferenceError, match="failed on these frames"):
        load_model(ModelSource("mine", str(directory)), OPTIONS)


def test_a_warm_model_has_run_its_smallest_and_largest_batch(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    scores = model.scores

    def count(items: list[Frames]) -> object:
        seen.append(sum(map(len, items)))
        return scores(items)

    monkeypatch.setattr(model, "scores", count)
    model.warm()

    assert seen == [1, 8]


def test_what_one_frame_gains_by_more_cores_is_found_out_once_a_model_is_warm(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    warm = Model.warm

    def warmed(model: Model) -> None:
        warm(model)
        done.append("warm")

    monkeypatch.setattr(Model, "warm", warmed)
    monkeypatch.setattr(CpuForward, "compare", lambda _: done.append("compare"))
    load_model(ModelSource("mine", str(directory)), OPTIONS)

    assert done == ["warm", "compare"]


def test_frames_of_differing_sizes_score_as_in_the_pipeline(
    checkpoint: Callable[[StandIn], Path], frames: Mapping[str, Frame]
) -> None:
    directory = checkpoint(SIZES_DIFFER)
    model = Model.load(ModelSource("mine", str(directory)), replace(OPTIONS, max_batch_size=99))
    pipe = transformers.pipeline(
        "image-classification", model=str(directory), image_processor=str(directory), device="cpu"
    )
    usual = [frame for frame in frames.values() if max(frame.shape) < 8 * min(frame.shape[:2])]

    scores = model.scores([fit(frame, model.info.input)[None] for frame in usual])

    assert model.info.input.mode is FitMode.WHOLE
    for frame, row in zip(usual, scores, strict=True):
        answer = {entry["label"]: entry["score"] for entry in pipe(Image.fromarray(frame))}
        np.testing.assert_allclose(row, [answer[label] for label in model.info.labels], atol=1e-5)


def test_a_frame_that_a_foreign_processor_would_blow_up_is_refused(
    checkpoint: Callable[[StandIn], Path],
) -> None:
    model = Model.load(ModelSource("mine", str(checkpoint(SIZES_DIFFER))), OPTIONS)

    with pytest.raises(MediaTooLargeError, match="100000 × 1 "):
        model.scores([noise(1, height=1, width=100_000)])


def test_what_is_told_of_a_model(directory: Path) -> None:
    info = Model.load(ModelSource("mine", str(directory)), OPTIONS).info

    assert (info.name, info.revision, info.demonstration) == ("mine", None, False)
    assert info.labels == ("normal", "nsfw", "other")
    assert info.flagged_labels == ("nsfw",)
    assert (info.input.height, info.input.width) == (64, 64)
    assert info.max_batch_size == 8
    assert pickle.loads(pickle.dumps(info)) == info


def test_flagged_labels_can_be_chosen_but_not_invented(directory: Path) -> None:
    source = ModelSource("mine", str(directory))

    chosen = Model.load(source, replace(OPTIONS, flagged_labels=("other",)))

    assert chosen.info.flagged_labels == ("other",)
    with pytest.raises(UnknownLabelError):
        Model.load(source, replace(OPTIONS, flagged_labels=("porn",)))


def test_the_built_in_model_says_that_it_demonstrates(caplog: pytest.LogCaptureFixture) -> None:
    model = Model.load(ModelSource("builtin/demo"), OPTIONS)

    assert model.info.demonstration
    assert model.info.flagged_labels == ("nsfw",)
    assert "does not moderate" in caplog.text


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_a_smaller_type_gives_nearly_the_same_scores(
    dtype: str, tolerance: float, directory: Path, model: Model
) -> None:
    source = ModelSource("mine", str(directory))
    small = Model.load(source, replace(OPTIONS, dtype=dtype))  # type: ignore[arg-type]

    scores = small.scores([noise(4)])

    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, model.scores([noise(4)]), atol=tolerance)


def test_the_checkpoints_own_type_does_not_decide(tmp_path: Path, model: Model) -> None:
    directory = save(vit("ViT"), tmp_path, [Image.fromarray(frame) for frame in noise(4)])
    transformers.AutoModelForImageClassification.from_pretrained(
        directory, dtype=torch.float16
    ).save_pretrained(directory)
    assert json.loads((directory / "config.json").read_text())["dtype"] == "float16"
    loaded = Model.load(ModelSource("mine", str(directory)), OPTIONS)

    scores = loaded.scores([noise(1)])

    assert scores.sum() == pytest.approx(1, abs=1e-6)  # float16 adds up to 1e-3 at best


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_named(device: str, directory: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=device):
        Model.load(ModelSource("mine", str(directory)), replace(OPTIONS, device=device))


@pytest.mark.parametrize(("threads", "chunk_frames"), [(1, 1), (2, 3), (3, 4), (5, 64)])
def test_scores_are_the_same_however_a_batch_is_cut(
    threads: int, chunk_frames: int, directory: Path
) -> None:
    source = ModelSource("mine", str(directory))
    cut = replace(OPTIONS, cpu_threads=threads, cpu_chunk_frames=chunk_frames)
    items = [noise(count, seed=count) for count in (1, 3, 2, 2)]
    whole = Model.load(source, replace(OPTIONS, cpu_threads=1, cpu_chunk_frames=64)).scores(items)
    np.testing.assert_allclose(Model.load(source, cut).scores(items), whole, atol=1e-5)


@pytest.mark.parametrize(
    ("threads", "chunk_frames", "batch_size"), [(1, 2, 2), (2, 3, 6), (4, 8, 8)]
)
def test_batches_are_no_larger_than_what_the_cores_take_at_once(
    threads: int, chunk_frames: int, batch_size: int, directory: Path
) -> None:
    cut = replace(OPTIONS, cpu_threads=threads, cpu_chunk_frames=chunk_frames)
    model = Model.load(ModelSource("mine", str(directory)), cut)
    assert model.info.batch_size == batch_size
    assert model.info.max_batch_size == 8
    assert len(model.scores([noise(8)])) == 8


def test_linear_layers_are_packed_on_a_cpu(directory: Path) -> None:
    network = Model.load(ModelSource("mine", str(directory)), OPTIONS)._network
    layers = [type(module) for module in network.modules()]
    assert torch.nn.Linear not in layers
    assert layers.count(PackedLinear) > 6


@pytest.mark.parametrize(
    ("changes", "native", "in_bfloat16"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"exact": True}, True, False),
        ({"dtype": "float32"}, True, False),
        ({"dtype": "bfloat16"}, True, False),  # all of it is, then
    ],
)
def test_some_layers_take_bfloat16_by_default_where_the_cpu_multiplies_in_it(
    changes: Mapping[str, object],
    native: bool,
    in_bfloat16: bool,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[int, int]] = []

    def lower(layers: Sequence[bfloat16.FeedForward], scores: Callable[[], torch.Tensor]) -> int:
        given.append((len(layers), len(scores()) if layers else 0))
        return len(layers)

    monkeypatch.setattr(bfloat16, "is_native", lambda: native)
    monkeypatch.setattr(bfloat16, "lower", lower)
    options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
    Model.load(ModelSource("mine", str(directory)), options)
    assert given == [(2, 16) if in_bfloat16 else (0, 0)]


def test_a_loader_travels_to_its_replica(directory: Path) -> None:
    source, options = pickle.loads(pickle.dumps((ModelSource("mine", str(directory)), OPTIONS)))

    assert load_model(source, options).info.name == "mine"
