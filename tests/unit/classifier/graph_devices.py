"""A device on the CPU in the place of a GPU, with what makes captured graphs treacherous."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch

from deployments.classifier.graphs.device import Capture, RunFrames, Upload, Wait


class LateDevice:
    """Does all work in order, and as late as it may: when somebody waits for it.

    As on a GPU, a copy reads its source and a replay overwrites its scores when they are executed,
    not when they are asked for; and a copy to the device may be as late as what waits for it.
    """

    def __init__(self) -> None:
        self.captured: list[int] = []
        self.replayed: list[torch.Tensor] = []
        """The frames of each replay, padding included."""
        self.compiled_sizes: list[int] = []
        self._queue: deque[Callable[[], None]] = deque()

    def compiled(self, run: RunFrames, sizes: int) -> RunFrames:
        self.compiled_sizes.append(sizes)
        return run

    def host_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        return torch.zeros(shape, dtype=dtype)

    def device_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        return torch.zeros(shape, dtype=dtype)

    def capture(self, run: RunFrames, frames: torch.Tensor) -> Capture:
        scores = run(frames)
        self.captured.append(len(frames))

        def replay() -> None:
            self.replayed.append(frames.clone())
            scores.copy_(run(frames))

        return Capture(replay, scores)

    def upload(self, source: torch.Tensor, target: torch.Tensor) -> Upload:
        def copy() -> None:
            target.copy_(source)

        return Upload(copy)

    def compute(self, enqueue: Callable[[], None]) -> Wait:
        done = False

        def work() -> None:
            nonlocal done
            with torch.inference_mode():
                enqueue()
            done = True

        self._queue.append(work)

        def wait() -> None:
            while not done:
                self._queue.popleft()()

        return wait


class BakedDevice(LateDevice):
    """Its captures keep the frames that they were made with, as a botched one may."""

    def capture(self, run: RunFrames, frames: torch.Tensor) -> Capture:
        return Capture(lambda: None, run(frames))


class NoCompilerDevice(LateDevice):
    """Cannot compile, and finds out when it is asked to run."""

    def compiled(self, run: RunFrames, sizes: int) -> RunFrames:
        def fail(frames: torch.Tensor) -> torch.Tensor:
            raise OSError("no compiler")

        return fail
