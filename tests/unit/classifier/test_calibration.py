from __future__ import annotations

import numpy as np
import pytest

from deployments.classifier.calibration import calibration_frames


@pytest.mark.parametrize(("height", "width"), [(224, 224), (384, 384), (64, 96), (7, 5)])
def test_frames_have_the_size_that_the_model_takes(height: int, width: int) -> None:
    frames = calibration_frames(height, width, 3)
    assert frames.shape == (3, height, width, 3)
    assert frames.dtype == np.uint8


def test_they_are_the_same_every_time() -> None:
    np.testing.assert_array_equal(calibration_frames(64, 64), calibration_frames(64, 64))


def test_no_two_are_alike_and_none_is_burnt_out() -> None:
    frames = calibration_frames(224, 224).astype(float)
    means = frames.mean((1, 2))
    assert means.std(0).min() > 10
    assert frames.std((1, 2)).min() > 10
    assert ((frames == 0) | (frames == 255)).mean() < 0.2


def test_they_have_coarse_and_fine_detail() -> None:
    for frame in calibration_frames(224, 224).astype(float):
        grey = frame.mean(2)
        coarse = grey.reshape(7, 32, 7, 32).mean((1, 3)).std()
        fine = np.abs(np.diff(grey, axis=1)).mean()
        assert coarse > 2
        assert fine > 2
