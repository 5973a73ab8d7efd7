"""Brings a frame to the size that a model takes: the caller's half of preprocessing.

The other half, from grey levels to the numbers that the model was trained on, runs on the model's
device (`deployments.classifier.processor.Normalisation`). Crops and padding follow the image
processors of Hugging Face transformers 5.23 (``image_transforms.py``: ``center_crop``), as do the
sizes (`deployments.media.sizes`).
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch.utils.dlpack import from_dlpack

from deployments.media.sizes import resized_size
from deployments.types import FitMode, Frame, InputSpec, Resample

_TORCH_MODES = {Resample.BILINEAR: "bilinear", Resample.BICUBIC: "bicubic"}
"""Filters for which torch has an antialiased uint8 kernel. It is within one grey level of Pillow's,
but for some tall pictures, where the odd pixel differs by up to four: Pillow ≥ 13 takes their
vertical pass first (python-pillow/Pillow#9549), torch always the horizontal one."""

_PILLOW_FILTERS = {resample: Image.Resampling[resample.name] for resample in Resample}

_MAX_WASTE = 4
"""Resize only the cropped part once the whole would have this many times its area: Pillow's
windowed resize costs the part alone, torch's kernel costs the whole."""

_MAX_EXACT_PIXELS = 32 * 2**20
"""Largest image that is resized whole in exact mode (128 MiB in Pillow). A 1 × 100,000 image whose
shorter side goes to 224 would take 20 GB; only the part that the crop keeps is computed instead,
which moves the odd pixel by one grey level, as Pillow takes the window's corners as float32."""


def fit(frame: Frame, spec: InputSpec) -> Frame:
    """Resizes and crops one frame as the model's image processor would.

    Thread-safe. The frame may be read-only.

    Args:
        frame: ``[H, W, 3]`` uint8, upright.
        spec: What the model takes.

    Returns:
        ``[spec.height, spec.width, 3]`` uint8, C-contiguous; the frame's own size where the mode
        is ``WHOLE``.
    """
    if spec.mode is FitMode.WHOLE:
        return np.ascontiguousarray(frame)
    height, width = resized_size(frame.shape[0], frame.shape[1], spec)
    if _only_window(height, width, spec):
        return _resize_window(frame, height, width, spec)
    return np.ascontiguousarray(_centre_crop(_resize(frame, height, width, spec), spec))


def fit_apart(frame: Frame, spec: InputSpec) -> Frame:
    """As `fit`, and never a view of the frame, whose memory may be used again at once."""
    fitted = fit(frame, spec)
    return fitted.copy() if np.may_share_memory(fitted, frame) else fitted


def _only_window(height: int, width: int, spec: InputSpec) -> bool:
    """Whether so much of the resized image would be cropped away that it must not be made."""
    if not spec.crop or spec.mode is FitMode.NONE or height * width <= spec.height * spec.width:
        return False
    if spec.exact:
        return height * width > _MAX_EXACT_PIXELS
    return height * width > _MAX_WASTE * spec.height * spec.width


def _resize(frame: Frame, height: int, width: int, spec: InputSpec) -> Frame:
    if frame.shape[:2] == (height, width):
        return frame
    mode = _TORCH_MODES.get(spec.resample)
    if mode is None or spec.exact:
        image = Image.fromarray(np.ascontiguousarray(frame))
        return np.asarray(image.resize((width, height), _PILLOW_FILTERS[spec.resample]))
    # By DLPack, as from_numpy warns about read-only memory.
    pixels = from_dlpack(np.ascontiguousarray(frame))
    # The batch axis comes first and the permutation last: so the tensor counts as channels-last,
    # which has a kernel of its own for three channels (5 to 12 times as fast), as is the result.
    resized = torch.nn.functional.interpolate(
        pixels[None].permute(0, 3, 1, 2), size=(height, width), mode=mode, antialias=True
    )
    return resized[0].permute(1, 2, 0).numpy()


def _resize_window(frame: Frame, height: int, width: int, spec: InputSpec) -> Frame:
    """Resizes only what the centre crop keeps of the resized image, then pads as it would."""
    part_height, part_width = min(height, spec.height), min(width, spec.width)
    top, left = (height - part_height) // 2, (width - part_width) // 2
    rows, columns = frame.shape[0] / height, frame.shape[1] / width
    right = min((left + part_width) * columns, frame.shape[1])
    bottom = min((top + part_height) * rows, frame.shape[0])
    part = Image.fromarray(np.ascontiguousarray(frame)).resize(
        (part_width, part_height),
        _PILLOW_FILTERS[spec.resample],
        box=(left * columns, top * rows, right, bottom),
    )
    return np.ascontiguousarray(_centre_crop(np.asarray(part), spec))


def _centre_crop(frame: Frame, spec: InputSpec) -> Frame:
    """Cuts out the centre; pads a smaller frame with black, an odd line at the top or left."""
    if not spec.crop or frame.shape[:2] == (spec.height, spec.width):
        return frame
    height, width = frame.shape[:2]
    top, left = max(0, (height - spec.height) // 2), max(0, (width - spec.width) // 2)
    part = frame[top : top + spec.height, left : left + spec.width]
    if part.shape[:2] == (spec.height, spec.width):
        return part
    padded = np.zeros((spec.height, spec.width, 3), np.uint8)
    top, left = (spec.height - part.shape[0] + 1) // 2, (spec.width - part.shape[1] + 1) // 2
    padded[top : top + part.shape[0], left : left + part.shape[1]] = part
    return padded
