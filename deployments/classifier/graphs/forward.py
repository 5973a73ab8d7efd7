"""Batches of any size through graphs of fixed sizes, two batches at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue

import torch

from deployments.classifier.graphs.buckets import bucket_for, buckets_up_to
from deployments.classifier.graphs.device import GraphDevice, RunFrames, Upload, Wait
from deployments.classifier.inputs import stage
from deployments.types import Frames

PARALLEL_BATCHES = 2
"""One computes while the next is gathered and copied; a third would only wait longer."""


@dataclass(frozen=True, slots=True)
class _Lane:
    """The memory of one batch on its way."""

    host: torch.Tensor
    """``[max, H, W, 3]`` uint8."""
    frames: torch.Tensor
    """The same on the device."""
    scores: torch.Tensor
    """``[max, L]`` float32, on the host."""


class Running:
    """A batch that has been started. Take its result once."""

    def __init__(self, lane: _Lane, count: int, finished: Wait, free: SimpleQueue[_Lane]) -> None:
        self._lane = lane
        self._count = count
        self._finished = finished
        self._free = free

    def result(self) -> torch.Tensor:
        """Waits for the scores ``[N, L]`` float32, on the host, in memory of their own."""
        try:
            self._finished()
            return self._lane.scores[: self._count].clone()
        finally:
            self._free.put(self._lane)


class GraphedForward:
    """A forward pass that was captured for every bucket of `buckets_up_to`. Thread-safe.

    Everything that happens for the first time happens in the constructor.

    Args:
        run: The pass, on the device.
        height: Of the frames.
        width: Of the frames.
        max_batch_size: Frames that a batch holds at most.
        device: Where it runs.

    Raises:
        RuntimeError: It cannot be captured.
    """

    parallel_batches = PARALLEL_BATCHES

    def __init__(
        self, run: RunFrames, *, height: int, width: int, max_batch_size: int, device: GraphDevice
    ) -> None:
        shape = (max_batch_size, height, width, 3)
        self.buckets = buckets_up_to(max_batch_size)
        # A graph holds addresses only. What they lead to, weights and constants, lives with the
        # pass that was captured.
        self._run = run
        self._device = device
        # What all graphs read: the first rows of the same memory.
        self._input = device.device_memory(shape, torch.uint8)
        with torch.inference_mode():
            # The largest first: the smaller ones then find the memory that they need in its pool.
            self._captures = {
                bucket: device.capture(run, self._input[:bucket])
                for bucket in reversed(self.buckets)
            }
        labels = self._captures[1].scores.shape[1]
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        for _ in range(PARALLEL_BATCHES):
            self._free.put(
                _Lane(
                    device.host_memory(shape, torch.uint8),
                    device.device_memory(shape, torch.uint8),
                    device.host_memory((max_batch_size, labels), torch.float32),
                )
            )
        self._enqueuing = threading.Lock()

    def __call__(self, items: Sequence[Frames]) -> torch.Tensor:
        """See `ForwardPass`."""
        return self.start(items).result()

    @torch.inference_mode()
    def start(self, items: Sequence[Frames]) -> Running:
        """Starts a batch; waits where `PARALLEL_BATCHES` are under way.

        Args:
            items: ``[nᵢ, H, W, 3]`` uint8 each, together 1 to ``max_batch_size`` frames. Theirs
                to change again when this returns.

        Raises:
            InferenceError: Frames of another shape or type.
        """
        lane = self._free.get()
        try:
            count = stage(items, lane.host)
            upload = self._device.upload(lane.host[:count], lane.frames[:count])
            with self._enqueuing:  # the steps of two batches must not mix
                finished = self._device.compute(lambda: self._enqueue(lane, count, upload))
        except BaseException:
            self._free.put(lane)
            raise
        return Running(lane, count, finished, self._free)

    def _enqueue(self, lane: _Lane, count: int, upload: Upload) -> None:
        bucket = bucket_for(count, self.buckets)
        capture = self._captures[bucket]
        upload.enqueue_wait()
        self._input[:count].copy_(lane.frames[:count])
        # Or the padding would be an earlier client's frames.
        self._input[count:bucket].zero_()
        capture.replay()
        # In the same queue, so before the next replay writes to the same memory.
        lane.scores[:count].copy_(capture.scores[:count], non_blocking=True)
