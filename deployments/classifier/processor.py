"""From a checkpoint's Hugging Face image processor to our own two halves of preprocessing.

The processor is always made by transformers itself, which knows the many ways that old checkpoints
spell their settings. For the classes listed here, whose steps were read in transformers 5.23, its
settings become an `InputSpec` (resize and crop, at the caller) and a `Normalisation` (the rest, on
the device). A processor of any other class, or with a setting that is not known here, runs whole
in the replica: `FitMode.WHOLE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from deployments.types import FitMode, InputSpec, Resample

_PLAIN = frozenset(
    {
        "BeitImageProcessorPil",
        "BitImageProcessorPil",
        "BlipImageProcessorPil",
        "CLIPImageProcessorPil",
        "ChineseCLIPImageProcessorPil",
        "DeiTImageProcessorPil",
        "MobileNetV1ImageProcessorPil",
        "MobileNetV2ImageProcessorPil",
        "PvtImageProcessorPil",
        "SiglipImageProcessorPil",
        "ViTImageProcessorPil",
    }
)
"""Resize → centre crop → rescale → normalise, each where its ``do_`` flag says so."""

_CONVNEXT = "ConvNextImageProcessorPil"
_EFFICIENTNET = "EfficientNetImageProcessorPil"
_LEVIT = "LevitImageProcessorPil"
_MOBILEVIT = "MobileViTImageProcessorPil"
_KNOWN = _PLAIN | {_CONVNEXT, _EFFICIENTNET, _LEVIT, _MOBILEVIT}

_CONVNEXT_WARP_PIXELS = 384
"""From this size on, ConvNeXT's processor stretches instead of cropping."""

_DEFAULT_PIXELS = 224

Triple = tuple[float, float, float]
Coefficients = tuple[torch.Tensor, torch.Tensor]
"""Scale and bias, ``[1, 3, 1, 1]`` float32 each."""


class Size(Protocol):
    """transformers' ``SizeDict``: the keys that a setting leaves out are None."""

    height: int | None
    width: int | None
    shortest_edge: int | None
    longest_edge: int | None
    max_height: int | None
    max_width: int | None


class ImageProcessor(Protocol):
    """What is read of a Hugging Face image processor after it filled in its defaults."""

    do_resize: bool | None
    do_center_crop: bool | None
    do_pad: bool | None
    do_rescale: bool | None
    do_normalize: bool | None
    size: Size | None
    crop_size: Size | None
    resample: int | None
    rescale_factor: float
    image_mean: float | Sequence[float]
    image_std: float | Sequence[float]
    crop_pct: float
    """ConvNeXT's only."""
    rescale_offset: bool
    """EfficientNet's only."""
    include_top: bool
    """EfficientNet's only."""
    do_flip_channel_order: bool | None
    """MobileViT's only."""

    def __call__(
        self, images: Sequence[Image.Image], return_tensors: Literal["pt"]
    ) -> Mapping[str, torch.Tensor]:
        """The model's inputs, each ``[N, …]``."""
        ...


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Grey levels to the model's input: ``level × scale + bias`` for each channel."""

    scale: Triple
    bias: Triple
    flip_channels: bool = False
    """The model takes BGR; scale and bias are in the order that the model takes."""

    def coefficients(self, device: torch.device) -> Coefficients:
        """Scale and bias on a device."""
        scale, bias = (
            torch.tensor(value, dtype=torch.float32, device=device).view(1, 3, 1, 1)
            for value in (self.scale, self.bias)
        )
        return scale, bias

    def apply(self, frames: torch.Tensor, coefficients: Coefficients | None = None) -> torch.Tensor:
        """Normalises a batch on its device.

        Args:
            frames: ``[N, H, W, 3]`` uint8.
            coefficients: Spares the copy of them to the device, which a CUDA graph cannot hold.

        Returns:
            ``[N, 3, H, W]`` float32.
        """
        # Transposed while it is a byte a level, then in place: five times as fast on a CPU as the
        # strided arithmetic, and the networks are faster on contiguous input, too.
        channels = frames.permute(0, 3, 1, 2).contiguous()
        if self.flip_channels:
            channels = channels.flip(1)
        scale, bias = coefficients or self.coefficients(frames.device)
        return channels.float().mul_(scale).add_(bias)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How frames become a model's input."""

    spec: InputSpec
    normalisation: Normalisation | None
    """None where the mode is ``WHOLE``: the processor does it all."""


def preprocessing(
    processor: ImageProcessor, exact: bool = False, image_size: object = None
) -> Preprocessing:
    """Reads the steps of a processor.

    Args:
        processor: As ``AutoImageProcessor.from_pretrained(…, backend="pil")`` made it.
        exact: Ask callers to resize bit for bit as the processor does.
        image_size: ``config.image_size`` of the model: the nominal size where the processor has
            none of its own.

    Raises:
        ValueError: A setting that the processor itself could not work with.
    """
    spec = _input_spec(processor)
    if spec is None:
        height, width = _nominal_size(processor, image_size)
        return Preprocessing(InputSpec(FitMode.WHOLE, height, width), None)
    return Preprocessing(replace(spec, exact=exact), _normalisation(processor))


def _input_spec(processor: ImageProcessor) -> InputSpec | None:
    """Resize and crop; None where they are not known, or leave frames of differing sizes."""
    kind = type(processor).__name__
    if (
        not type(processor).__module__.startswith("transformers.models.")
        or kind not in _KNOWN
        or processor.do_pad
    ):
        return None
    crop = _height_width(processor.crop_size) if processor.do_center_crop else None
    if processor.do_center_crop and crop is None:
        return None
    if not processor.do_resize:
        return InputSpec(FitMode.NONE, *crop, crop=True) if crop else None
    resample, size = _resample(processor.resample), processor.size
    if size is None:
        return None
    if kind == _CONVNEXT:
        edge = size.shortest_edge
        if not edge or crop is not None:
            return None
        if edge < _CONVNEXT_WARP_PIXELS:
            resized = int(edge / processor.crop_pct)
            return _shortest_edge(resized, (edge, edge), resample)
        return _stretch((edge, edge), (edge, edge), resample)
    if size.longest_edge or size.max_height or size.max_width:
        return None
    if size.shortest_edge:
        edge = size.shortest_edge
        if kind == _LEVIT:
            edge = int((256 / 224) * edge)
        return _shortest_edge(edge, crop, resample) if crop else None
    stretched = _height_width(size)
    return _stretch(stretched, crop or stretched, resample) if stretched else None


def _shortest_edge(edge: int, crop: tuple[int, int], resample: Resample) -> InputSpec:
    return InputSpec(FitMode.SHORTEST_EDGE, *crop, resample, shortest_edge=edge, crop=True)


def _stretch(resized: tuple[int, int], crop: tuple[int, int], resample: Resample) -> InputSpec:
    return InputSpec(
        FitMode.STRETCH,
        *crop,
        resample,
        resize_height=resized[0],
        resize_width=resized[1],
        crop=resized != crop,
    )


def _height_width(size: Size | None) -> tuple[int, int] | None:
    return (size.height, size.width) if size and size.height and size.width else None


def _resample(value: int | None) -> Resample:
    """Pillow's number of a filter to its name; bilinear where a processor sets none."""
    filter_ = Image.Resampling.BILINEAR if value is None else Image.Resampling(value)
    return Resample[filter_.name]


def _normalisation(processor: ImageProcessor) -> Normalisation:
    """Folds the processor's chain of linear steps into one scale and bias, in float64."""
    kind = type(processor).__name__
    scale, bias = np.ones(3), np.zeros(3)
    if processor.do_rescale:
        scale = scale * processor.rescale_factor
        if kind == _EFFICIENTNET and processor.rescale_offset:
            bias = bias - 1.0
    if processor.do_normalize and kind != _MOBILEVIT:  # MobileViT's has the flag but no such step
        std = _triple(processor.image_std)
        scale, bias = scale / std, (bias - _triple(processor.image_mean)) / std
    if kind == _EFFICIENTNET and processor.include_top:
        std = _triple(processor.image_std)
        scale, bias = scale / std, bias / std
    return Normalisation(
        _floats(scale),
        _floats(bias),
        flip_channels=kind == _MOBILEVIT and bool(processor.do_flip_channel_order),
    )


def _triple(value: float | Sequence[float]) -> npt.NDArray[np.float64]:
    """One number a channel; ValueError where there are not one or three."""
    return np.broadcast_to(np.asarray(value, np.float64), (3,))


def _floats(values: npt.NDArray[np.float64]) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _nominal_size(processor: ImageProcessor, image_size: object) -> tuple[int, int]:
    """Height and width of the model's input, as far as they are known."""
    for size in (getattr(processor, "crop_size", None), getattr(processor, "size", None)):
        if known := _height_width(size):
            return known
    match image_size:
        case int():
            return image_size, image_size
        case [int(height), int(width)]:
            return height, width
        case _:
            return _DEFAULT_PIXELS, _DEFAULT_PIXELS
