"""From a batch of frames to what the network takes, on its device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Protocol, TypeAlias

import numpy as np
import torch
from PIL import Image

from deployments.classifier.processor import ImageProcessor, Normalisation
from deployments.errors import InferenceError, MediaTooLargeError
from deployments.types import Frames, InputSpec

NetworkInputs: TypeAlias = Mapping[str, torch.Tensor]
"""Keyword arguments of one forward pass, each ``[N, …]``."""

_MAX_SCALED_PIXELS = 32 * 2**20
"""Size to which a processor may scale a frame: at some 45 bytes a pixel on its way through
transformers (float64 among them) 1.5 GB."""


class InputMaker(Protocol):
    """Implementations: `FittedInputs`, `WholeInputs`."""

    def batches(self, items: Sequence[Frames]) -> Iterator[NetworkInputs]:
        """The inputs of as few forward passes as shapes allow, in the frames' order.

        Raises:
            InferenceError: Frames that this model does not take.
            MediaTooLargeError: A frame that would take too much memory.
        """
        ...


class FittedInputs:
    """Normalises frames that their callers fit to the model's input.

    Not thread-safe. The buffer is reused: what was made of a batch must have been used up before
    the next one is asked for.

    Args:
        spec: What the frames were fit to.
        normalisation: Grey levels to the network's input.
        max_batch_size: Frames that a batch holds at most.
        device: The network's.
    """

    def __init__(
        self,
        spec: InputSpec,
        normalisation: Normalisation,
        max_batch_size: int,
        device: torch.device,
    ) -> None:
        self._normalisation = normalisation
        self._device = device
        self._staging = torch.empty(
            (max_batch_size, spec.height, spec.width, 3),
            dtype=torch.uint8,
            pin_memory=device.type == "cuda",  # spares the copy to a GPU a second one on its way
        )

    def batches(self, items: Sequence[Frames]) -> Iterator[NetworkInputs]:
        """One batch of all items; see `InputMaker`."""
        count = stage(items, self._staging)
        frames = self._staging[:count].to(self._device, non_blocking=True)
        yield {"pixel_values": self._normalisation.apply(frames)}


def stage(items: Sequence[Frames], buffer: torch.Tensor) -> int:
    """Gathers a batch in one buffer.

    Args:
        items: ``[nᵢ, H, W, 3]`` uint8 each.
        buffer: ``[max, H, W, 3]`` uint8, on the host; its first rows are overwritten.

    Returns:
        Σ nᵢ.

    Raises:
        InferenceError: Frames of another shape or type.
    """
    staging = buffer.numpy()
    end = 0
    for item in items:
        if item.dtype != np.uint8 or item.shape[1:] != staging.shape[1:]:
            raise InferenceError(
                f"Frames of {item.dtype} {item.shape[1:]} are not fit to the model's input, "
                f"uint8 {staging.shape[1:]}."
            )
        start, end = end, end + len(item)
        staging[start:end] = item
    return end


class WholeInputs:
    """Runs the checkpoint's own processor on frames of any size.

    Args:
        processor: The checkpoint's own.
        device: The network's.
    """

    def __init__(self, processor: ImageProcessor, device: torch.device) -> None:
        self._processor = processor
        self._device = device
        # A processor that takes the shorter side to a length, and lets the longer one follow.
        size = getattr(processor, "size", None)
        self._edge: int = (size.shortest_edge or 0) if size and not size.longest_edge else 0

    def batches(self, items: Sequence[Frames]) -> Iterator[NetworkInputs]:
        """Neighbours of one shape share a batch; see `InputMaker`."""
        for item in items:
            self._check(item)
        processed = [
            dict(self._processor(images=[Image.fromarray(frame)], return_tensors="pt"))
            for item in items
            for frame in item
        ]
        for _, group in groupby(processed, key=lambda inputs: [v.shape for v in inputs.values()]):
            members = list(group)
            yield {
                name: torch.cat([member[name] for member in members]).to(self._device)
                for name in members[0]
            }

    def _check(self, item: Frames) -> None:
        if item.dtype != np.uint8 or item.ndim != 4 or item.shape[3] != 3:
            raise InferenceError(f"Frames of {item.dtype} {item.shape} are not uint8 (N, H, W, 3).")
        height, width = item.shape[1:3]
        if self._edge**2 * max(height, width) > _MAX_SCALED_PIXELS * min(height, width):
            raise MediaTooLargeError(
                f"A frame of {width} × {height} pixels is too long and narrow for this model."
            )
