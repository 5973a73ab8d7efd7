"""The CPU in the place of a GPU: every step at once. It shows that the script works, no more."""

from __future__ import annotations

from collections.abc import Callable

import torch

from deployments.classifier.graphs.device import Capture, RunFrames, Upload, Wait


class HostDevice:
    """See `deployments.classifier.graphs.device.GraphDevice`."""

    def compiled(self, run: RunFrames, sizes: int) -> RunFrames:
        """The pass itself: generating code for a CPU takes longer than a quick run may."""
        return run

    def host_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Plain memory."""
        return torch.zeros(shape, dtype=dtype)

    def device_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Plain memory, too."""
        return torch.zeros(shape, dtype=dtype)

    def capture(self, run: RunFrames, frames: torch.Tensor) -> Capture:
        """A replay runs the pass anew."""
        scores = run(frames)

        def replay() -> None:
            scores.copy_(run(frames))

        return Capture(replay, scores)

    def upload(self, source: torch.Tensor, target: torch.Tensor) -> Upload:
        """Copies at once."""
        target.copy_(source)
        return Upload(lambda: None)

    def compute(self, enqueue: Callable[[], None]) -> Wait:
        """Computes at once."""
        enqueue()
        return lambda: None
