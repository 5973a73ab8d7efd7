"""Scores equal those of ``pipeline("image-classification")`` from the file's bytes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model
from deployments.classifier.options import ModelOptions
from deployments.media.fit import fit
from deployments.types import FitMode, Frame, InputSpec, Resample, Scores
from tests.assets.models import StandIn
from tests.assets.pipeline import pipeline_scores
from tests.assets.stand_ins import ARCHITECTURES, ODD

MEDIAN_BOUND, WORST_BOUND, EXACT_BOUND = 1e-3, 2e-2, 1e-5


def load(directory: Path, *, exact: bool = False) -> Model:
    return Model.load(
        ModelSource("stand-in", str(directory)),
        ModelOptions(device="cpu", exact=exact, max_batch_size=7),
    )


def scores(model: Model, frames: Mapping[str, Frame], spec: InputSpec | None = None) -> Scores:
    """The frames' scores, in batches, each frame an item of its own."""
    items = [fit(frame, spec or model.info.input)[None] for frame in frames.values()]
    size = model.info.max_batch_size
    batches = [items[start : start + size] for start in range(0, len(items), size)]
    return np.concatenate([model.scores(batch) for batch in batches])


@pytest.mark.parametrize("stand_in", [*ARCHITECTURES, *ODD], ids=lambda stand_in: stand_in.name)
def test_scores_equal_those_of_the_pipeline(
    stand_in: StandIn,
    checkpoint: Callable[[StandIn], Path],
    files: Mapping[str, bytes],
    frames: Mapping[str, Frame],
    report_parity: Callable[..., None],
) -> None:
    directory = checkpoint(stand_in)
    expected = pipeline_scores(directory, stand_in.labels, files.values())

    default = np.abs(scores(load(directory), frames) - expected)
    exact = np.abs(scores(load(directory, exact=True), frames) - expected)

    spread = float(expected.std(0).min())
    report_parity(stand_in.name, spread, default, exact)
    assert spread > 0.05
    assert np.median(default) <= MEDIAN_BOUND
    assert default.max() <= WORST_BOUND
    assert exact.max() <= EXACT_BOUND


def wrong_filter(frame: Frame, spec: InputSpec) -> Frame:
    other = Resample.BILINEAR if spec.resample is Resample.BICUBIC else Resample.BICUBIC
    return fit(frame, replace(spec, resample=other))


def wrong_rotation(frame: Frame, spec: InputSpec) -> Frame:
    return fit(np.ascontiguousarray(np.rot90(frame)), spec)


def wrong_channels(frame: Frame, spec: InputSpec) -> Frame:
    return fit(np.ascontiguousarray(frame[..., ::-1]), spec)


def no_antialias(frame: Frame, spec: InputSpec) -> Frame:
    """What cv2.resize does."""
    return fit(frame, replace(spec, resample=Resample.NEAREST))


@pytest.mark.parametrize("mistake", [wrong_filter, wrong_rotation, wrong_channels, no_antialias])
@pytest.mark.parametrize("stand_in", ARCHITECTURES, ids=lambda stand_in: stand_in.name)
def test_the_bounds_notice_a_mistake(
    stand_in: StandIn,
    mistake: Callable[[Frame, InputSpec], Frame],
    checkpoint: Callable[[StandIn], Path],
    frames: Mapping[str, Frame],
) -> None:
    model = load(checkpoint(stand_in))
    right = scores(model, frames)
    spec = model.info.input
    spoilt = {name: mistake(frame, spec) for name, frame in frames.items()}

    difference = np.abs(scores(model, spoilt) - right)

    assert np.median(difference) > MEDIAN_BOUND or difference.max() > WORST_BOUND


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("unknown processor", FitMode.WHOLE),
        ("SigLIP 2, own inputs", FitMode.WHOLE),
        ("no resize", FitMode.NONE),
        ("CLIP crop", FitMode.SHORTEST_EDGE),
        ("LeViT", FitMode.SHORTEST_EDGE),
        ("ConvNeXt 384 px", FitMode.STRETCH),
    ],
)
def test_odd_processors_take_the_intended_way(
    name: str, mode: FitMode, checkpoint: Callable[[StandIn], Path]
) -> None:
    stand_in = next(stand_in for stand_in in ODD if stand_in.name == name)

    assert load(checkpoint(stand_in)).info.input.mode is mode
