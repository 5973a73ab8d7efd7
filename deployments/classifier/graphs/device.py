"""What captured forward passes need of a device; tests put one on the CPU in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch

RunFrames: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""Scores ``[N, L]`` float32 of frames ``[N, H, W, 3]`` uint8, both on the device. It must not wait
for the device, nor copy between host and device: neither can be captured."""

Wait: TypeAlias = Callable[[], None]
"""Blocks until the device has come so far."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A forward pass of one size, with the memory that it reads and writes."""

    replay: Callable[[], None]
    """Enqueues the pass; call it within `GraphDevice.compute` only."""
    scores: torch.Tensor
    """``[N, L]``, where each replay leaves them until the next replay of any capture."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A copy to the device that has been started."""

    enqueue_wait: Callable[[], None]
    """Lets what is enqueued after it in `GraphDevice.compute` wait for the copy."""


class GraphDevice(Protocol):
    """Two queues of work, one for copies to the device and one for all the rest.

    Work of one queue runs in its order; the queues run side by side. Implementations: `CudaDevice`.
    """

    def compiled(self, run: RunFrames, sizes: int) -> RunFrames:
        """The pass with its operations fused, for at most so many sizes of batches.

        Work is put off until it is first called.
        """
        ...

    def host_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Memory on the host that copies can go from and to while the host goes on."""
        ...

    def device_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Zeros on the device."""
        ...

    def capture(self, run: RunFrames, frames: torch.Tensor) -> Capture:
        """Runs the pass until nothing about it is done for the first time, then captures it.

        Args:
            run: The pass.
            frames: What every replay reads anew, on the device.

        Raises:
            RuntimeError: It cannot be captured.
        """
        ...

    def upload(self, source: torch.Tensor, target: torch.Tensor) -> Upload:
        """Starts a copy from host memory; the host must leave the source alone until it is done."""
        ...

    def compute(self, enqueue: Callable[[], None]) -> Wait:
        """Starts what ``enqueue`` enqueues; the answer waits for its end."""
        ...
