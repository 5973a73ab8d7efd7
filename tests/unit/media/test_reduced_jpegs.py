"""JPEGs decoded smaller than they are, where whoever asks allows it."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from deployments.errors import CorruptMediaError
from deployments.media.fit import fit
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.media.sizes import reduction
from deployments.types import FitMode, Frame, InputSpec, Resample
from tests.assets.images import image_bytes
from tests.assets.pictures import scene

STRETCH = InputSpec(FitMode.STRETCH, 224, 224, resize_height=224, resize_width=224)
CROPPED = InputSpec(FitMode.SHORTEST_EDGE, 224, 224, Resample.BICUBIC, shortest_edge=256, crop=True)
WHOLE = InputSpec(FitMode.WHOLE, 224, 224)


def photo(width: int, height: int, orientation: int = 1, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    scene(width, height, 1).save(file, "JPEG", quality=85, exif=exif, **options)
    return file.getvalue()


def decoded(data: bytes, *inputs: InputSpec) -> Frame:
    (frame,) = open_image(data, MediaLimits()).frames(inputs)
    return frame.pixels


@pytest.mark.parametrize(
    ("size", "specs", "expected"),
    [
        ((3024, 4032), [STRETCH], 4),
        ((960, 1280), [STRETCH], 2),
        ((3584, 3584), [STRETCH], 8),
        ((446, 1280), [STRETCH], 1),  # less than twice the input each way at a half
        ((1067, 1600), [STRETCH], 1),  # odd
        ((1028, 1284), [CROPPED], 2),  # the shorter side goes to 256
        ((1020, 1280), [CROPPED], 1),
        ((3024, 4032), [STRETCH, replace(CROPPED, shortest_edge=700)], 2),  # what both need
        ((3024, 4032), [STRETCH, WHOLE], 1),
        ((3024, 4032), [replace(STRETCH, exact=True)], 1),
        ((3024, 4032), [InputSpec(FitMode.NONE, 224, 224, crop=True)], 1),
        ((3024, 4032), [], 1),
    ],
)
def test_a_picture_is_reduced_as_far_as_all_inputs_allow(
    size: tuple[int, int], specs: list[InputSpec], expected: int
) -> None:
    assert reduction(*size, specs) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_pictures_stand_upright(orientation: int) -> None:
    data = photo(1280, 960, orientation)

    reduced = decoded(data, STRETCH)

    assert reduced.shape == ((480, 640, 3) if orientation < 5 else (640, 480, 3))
    difference = fit(reduced, STRETCH).astype(int) - fit(decoded(data), STRETCH)
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("spec", [STRETCH, CROPPED], ids=["stretch", "crop"])
@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 1}], ids=str
)
def test_a_model_sees_nearly_the_same_of_a_reduced_picture(
    spec: InputSpec, options: dict[str, object]
) -> None:
    data = photo(1600, 1200, **options)

    difference = fit(decoded(data, spec), spec).astype(int) - fit(decoded(data), spec)

    assert decoded(data, spec).shape == (600, 800, 3)
    assert np.abs(difference).mean() < 1


def test_other_formats_and_colours_come_whole() -> None:
    for data in (
        image_bytes("png", (1280, 960)),
        image_bytes("webp", (1280, 960)),
        image_bytes("jpeg", (1280, 960), mode="CMYK"),
    ):
        assert decoded(data, STRETCH).shape == (960, 1280, 3)


def test_damage_is_found_in_reduced_pictures_too() -> None:
    data = photo(1280, 960)

    with pytest.raises(CorruptMediaError):
        decoded(data[: len(data) // 2] + data[-2:], STRETCH)
