"""The sleeping models that scaling is measured with."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scaling.app import sleeping
from benchmarks.scaling.model import SIDE, SleepingModel
from serve_app.config import ModelConfig


def test_a_source_says_how_long_a_batch_takes() -> None:
    model = ModelConfig(name="a", source="sleep:0.25", max_batch_size=4)
    assert sleeping(model) == SleepingModel("a", 0.25, 4)


def test_another_source_is_refused() -> None:
    with pytest.raises(ValueError, match="not of the form"):
        sleeping(ModelConfig(name="org/model"))


def test_the_scores_are_the_redness_of_each_frame_in_order() -> None:
    frames = np.zeros((3, SIDE, SIDE, 3), np.uint8)
    frames[:, :, :, 0] = np.array([0, 51, 255], np.uint8)[:, None, None]
    scores = SleepingModel("a", 0.0, 8).scores([frames[:1], frames[1:]])
    np.testing.assert_allclose(scores[:, 1], [0, 0.2, 1], atol=1e-6)
