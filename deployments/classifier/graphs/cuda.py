"""Streams, pinned memory and graphs of one NVIDIA GPU."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from deployments.classifier.graphs.device import Capture, RunFrames, Upload, Wait

_WARM_UP_RUNS = 3
"""Before a capture: the first compiles and chooses kernels, and PyTorch's own notes on CUDA graphs
(docs.pytorch.org, "CUDA semantics") ask for some on the stream that captures."""

_CAPTURING = threading.Lock()
"""PyTorch allows one capture at a time in a process."""


class CudaDevice:
    """See `GraphDevice`. Not to be used again once a capture has failed.

    Graphs are captured by hand rather than by ``torch.compile(mode="reduce-overhead")``: those
    belong to the thread that recorded them, and here a model is loaded in one thread and runs in
    others. A graph that was captured by hand is replayed from any thread, and never records or
    compiles anything while clients wait.

    Args:
        device: A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._computing = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # One pool for the graphs of all sizes, which never run at the same time: together they
        # take the memory of the largest.
        self._pool = torch.cuda.graph_pool_handle()

    def compiled(self, run: RunFrames, sizes: int) -> RunFrames:
        """Compiled for each size by itself; it fails rather than run parts uncompiled."""
        from torch._dynamo import config  # takes a second to import, which a CPU need not spend

        compiled = torch.compile(run, fullgraph=True, dynamic=False)

        def fused(frames: torch.Tensor) -> torch.Tensor:
            # By default torch would give up after eight sizes.
            with config.patch(recompile_limit=max(sizes, config.recompile_limit)):
                return compiled(frames)

        return fused

    def host_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Pinned: copies that are not go through a buffer of the driver, and hold the host up."""
        return torch.zeros(shape, dtype=dtype, pin_memory=True)

    def device_memory(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Zeros that are there when the answer is."""
        memory = torch.zeros(shape, dtype=dtype, device=self._device)
        torch.cuda.synchronize(self._device)  # they were written on another stream than is used
        return memory

    def capture(self, run: RunFrames, frames: torch.Tensor) -> Capture:
        """See `GraphDevice`.

        The allocator and the GPU must be left alone by other threads meanwhile: replicas of
        configured models, which hold one model each, see to that by doing it before they are ready.
        """
        with _CAPTURING, torch.cuda.device(self._device):
            torch.cuda.synchronize()
            # Around the capture as well: one that fails leaves its stream as the current one.
            with torch.cuda.stream(self._computing):
                for _ in range(_WARM_UP_RUNS):
                    run(frames)
                self._computing.synchronize()
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(
                    graph,
                    pool=self._pool,
                    stream=self._computing,
                    capture_error_mode="thread_local",  # what other threads do is their own affair
                ):
                    scores = run(frames)
        return Capture(graph.replay, scores)

    def upload(self, source: torch.Tensor, target: torch.Tensor) -> Upload:
        """On a stream of its own, so that it runs beside the batch before."""
        with torch.cuda.stream(self._copies):
            target.copy_(source, non_blocking=True)
            copied = self._copies.record_event()
        return Upload(lambda: self._computing.wait_event(copied))

    def compute(self, enqueue: Callable[[], None]) -> Wait:
        """On the stream that the graphs were captured on."""
        # A thread that waits sleeps instead of spinning: the cores have pictures to decode.
        done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(self._computing):
            enqueue()
            done.record(self._computing)
        return done.synchronize
