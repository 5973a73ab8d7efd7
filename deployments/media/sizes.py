"""The sizes that a picture goes through: stored, decoded, resized. Plain arithmetic.

It follows the image processors of Hugging Face transformers 5.23 (``image_transforms.py``:
``get_resize_output_image_size``), whose truncations decide which pixels a model sees.
"""

from __future__ import annotations

from collections.abc import Sequence

from deployments.types import FitMode, InputSpec

OVERSAMPLING = 2
"""A reduced picture has at least so many times the pixels of what it is resized to, each way: of
what the decoder's averaging takes away the filter of the resize would keep little."""

_REDUCTIONS = (8, 4, 2)
"""By which libjpeg-turbo decodes smaller with vectorised transforms."""


def resized_size(height: int, width: int, spec: InputSpec) -> tuple[int, int]:
    """Height and width after resizing, before the crop."""
    match spec.mode:
        case FitMode.NONE | FitMode.WHOLE:
            return height, width
        case FitMode.STRETCH:
            return spec.resize_height or spec.height, spec.resize_width or spec.width
    short = spec.shortest_edge or min(spec.height, spec.width)
    if width <= height:
        return int(short * height / width), short
    return short, int(short * width / height)


def reduction(height: int, width: int, specs: Sequence[InputSpec]) -> int:
    """By how much smaller a picture may be decoded that is then fit to all of these inputs.

    Only by what divides both sides: elsewhere the decoder pads the last row and column, and the
    whole picture would be resized with them, moved by up to half a pixel of the result.

    Args:
        height: Of the whole picture.
        width: Of the whole picture.
        specs: What it is fit to; none: unknown.

    Returns:
        1, 2, 4 or 8.
    """
    if not specs or any(spec.exact for spec in specs):
        return 1
    sizes = [resized_size(height, width, spec) for spec in specs]
    least_height = OVERSAMPLING * max(size[0] for size in sizes)
    least_width = OVERSAMPLING * max(size[1] for size in sizes)
    for by in _REDUCTIONS:
        divides = height % by == 0 and width % by == 0
        if divides and height >= by * least_height and width >= by * least_width:
            return by
    return 1
