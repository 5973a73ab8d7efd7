"""Frames are resized and cropped as the image processors of transformers do it."""

from __future__ import annotations

import pickle
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import transformers
from PIL import Image
from transformers.image_transforms import center_crop

from deployments.media.fit import fit
from deployments.types import FitMode, Frame, InputSpec, Resample

SIZES = [(1, 1), (1, 90), (90, 1), (31, 47), (64, 64), (65, 64), (100, 333), (480, 360), (333, 100)]
STRETCH = InputSpec(FitMode.STRETCH, 48, 64, resize_height=48, resize_width=64)
CROPPED = InputSpec(FitMode.SHORTEST_EDGE, 56, 57, Resample.BICUBIC, shortest_edge=64, crop=True)
PADDED = InputSpec(FitMode.SHORTEST_EDGE, 71, 66, Resample.BICUBIC, shortest_edge=50, crop=True)


def picture(height: int, width: int, seed: int = 0) -> Frame:
    """Blocks of noise: detail at every scale, down to the single pixel."""
    rng = np.random.default_rng(seed)
    noise = [rng.integers(0, 128, (-(-height // n), -(-width // n), 3)) for n in (1, 11)]
    blocks = [
        grid.repeat(n, 0).repeat(n, 1)[:height, :width]
        for grid, n in zip(noise, (1, 11), strict=True)
    ]
    return sum(blocks).astype(np.uint8)


def as_transformers(frame: Frame, spec: InputSpec) -> Frame:
    """What a processor of transformers makes of a frame, before it scales the levels."""
    stretch = spec.mode is FitMode.STRETCH
    processor = transformers.CLIPImageProcessorPil(
        size={"height": spec.resize_height, "width": spec.resize_width}
        if stretch
        else {"shortest_edge": spec.shortest_edge},
        resample=Image.Resampling[spec.resample.name],
        crop_size={"height": spec.height, "width": spec.width},
        do_center_crop=spec.crop,
        do_rescale=False,
        do_normalize=False,
    )
    (pixels,) = processor([frame], input_data_format="channels_last")["pixel_values"]
    return np.moveaxis(np.asarray(pixels), 0, -1)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("spec", [STRETCH, CROPPED, PADDED], ids=["stretch", "crop", "pad"])
def test_exact_mode_equals_transformers_bit_for_bit(spec: InputSpec, size: tuple[int, int]) -> None:
    frame = picture(*size)

    np.testing.assert_array_equal(
        fit(frame, replace(spec, exact=True)), as_transformers(frame, spec)
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("spec", [STRETCH, CROPPED, PADDED], ids=["stretch", "crop", "pad"])
def test_the_default_kernel_is_within_a_grey_level_nearly_everywhere(
    spec: InputSpec, size: tuple[int, int]
) -> None:
    frame = picture(*size)

    difference = np.abs(fit(frame, spec).astype(int) - as_transformers(frame, spec))

    # Other than torch, Pillow ≥ 13 resizes some tall pictures vertically first, which rounds, and
    # at the ends of the scale clips, at another place.
    assert difference.mean() < 0.25
    assert (difference > 1).mean() < 2e-3


@pytest.mark.parametrize("resample", Resample)
def test_every_filter_is_the_one_that_is_asked_for(resample: Resample) -> None:
    frame = picture(150, 170)
    spec = replace(STRETCH, resample=resample)

    difference = np.abs(fit(frame, spec).astype(int) - as_transformers(frame, spec))

    assert difference.max() <= 1


def test_the_centre_crop_cuts_and_pads_as_transformers_for_all_parities() -> None:
    lengths = range(1, 7)
    for height, width, crop_height, crop_width in (
        (h, w, ch, cw) for h in lengths for w in lengths for ch in lengths for cw in lengths
    ):
        frame = picture(height, width)
        spec = InputSpec(FitMode.NONE, crop_height, crop_width, crop=True)
        expected = center_crop(frame, (crop_height, crop_width), input_data_format="channels_last")
        np.testing.assert_array_equal(fit(frame, spec), expected)


@pytest.mark.parametrize("exact", [False, True], ids=["default", "exact"])
def test_a_very_long_picture_costs_no_more_than_what_is_kept_of_it(exact: bool) -> None:
    spec = replace(CROPPED, height=224, width=224, shortest_edge=256, exact=exact)
    frame = picture(1, 100_000)  # whole at 256 × 25,600,000: 19 GB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    fitted = fit(frame, spec)

    assert fitted.shape == (224, 224, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_a_very_long_picture_shows_the_same_centre_as_transformers() -> None:
    frame = picture(3, 1500)

    difference = np.abs(fit(frame, CROPPED).astype(int) - as_transformers(frame, CROPPED))

    assert difference.max() <= 1


def test_whole_frames_travel_as_they_are() -> None:
    frame = picture(30, 50)

    np.testing.assert_array_equal(fit(frame, InputSpec(FitMode.WHOLE, 224, 224)), frame)


@pytest.mark.parametrize("exact", [False, True], ids=["default", "exact"])
def test_frames_may_be_read_only_views_in_any_layout(exact: bool) -> None:
    frame = picture(160, 120)
    turned = np.rot90(frame)
    turned.flags.writeable = False
    frame.flags.writeable = False
    spec = replace(STRETCH, exact=exact)

    np.testing.assert_array_equal(fit(turned, spec), fit(np.rot90(frame).copy(), spec))


@pytest.mark.parametrize("spec", [STRETCH, CROPPED, PADDED], ids=["stretch", "crop", "pad"])
def test_what_comes_back_is_contiguous_and_of_the_input_size(spec: InputSpec) -> None:
    fitted = fit(picture(200, 120), spec)

    assert fitted.shape == (spec.height, spec.width, 3)
    assert fitted.dtype == np.uint8
    assert fitted.flags.c_contiguous


def test_threads_do_not_disturb_each_other() -> None:
    frames = [picture(120 + seed, 90 + seed, seed) for seed in range(16)]
    expected = [fit(frame, CROPPED) for frame in frames]

    with ThreadPoolExecutor(4) as pool:
        for fitted, alone in zip(
            pool.map(lambda frame: fit(frame, CROPPED), frames), expected, strict=True
        ):
            np.testing.assert_array_equal(fitted, alone)


def test_a_spec_travels_between_processes() -> None:
    assert pickle.loads(pickle.dumps(CROPPED)) == CROPPED
