"""A network on its device: its scores, the bare loop that bounds them, and the graphs beside it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import transformers

from benchmarks.gpu.decoding import PIXELS
from benchmarks.gpu.host import HostDevice
from deployments.classifier.graphs.choice import graphs_of
from deployments.classifier.graphs.cuda import CudaDevice
from deployments.classifier.graphs.device import GraphDevice
from deployments.classifier.graphs.forward import PARALLEL_BATCHES, GraphedForward, Running
from deployments.classifier.processor import Normalisation
from deployments.types import Frames

HALF = Normalisation((1 / 127.5,) * 3, (-1.0,) * 3)
"""ViT's: mean and standard deviation of 0.5."""


_STEPS = 4
"""That are under way between two looks at the clock."""


class GraphsRefusedError(Exception):
    """The service would run this network without graphs here; the log says why."""


@dataclass(frozen=True, slots=True)
class Network:
    """One network on one device."""

    module: transformers.ViTForImageClassification
    device: torch.device

    @classmethod
    def on(cls, module: transformers.ViTForImageClassification, device: torch.device) -> Network:
        """Moves it there, to bfloat16 on a GPU as the service does by default."""
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        torch.nn.Module.to(module, device, dtype)
        return cls(module, device)

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """``[N, L]`` of normalised inputs ``[N, 3, H, W]``."""
        logits: torch.Tensor = self.module(pixel_values=pixels).logits
        return logits

    @torch.inference_mode()
    def eager(self, items: Sequence[Frames]) -> torch.Tensor:
        """Scores as the service has them without graphs."""
        frames = torch.from_numpy(np.concatenate(items)).to(self.device)
        pixels = HALF.apply(frames).to(self.module.dtype)
        return self.logits(pixels).float().softmax(-1).cpu()

    def graphed(self, max_batch_size: int) -> GraphedForward:
        """The service's own forward pass.

        Raises:
            GraphsRefusedError: It would do without graphs here.
        """
        coefficients = HALF.coefficients(self.device)

        def run(frames: torch.Tensor) -> torch.Tensor:
            pixels = HALF.apply(frames, coefficients).to(self.module.dtype)
            return self.logits(pixels).float().softmax(-1)

        def new_device() -> GraphDevice:
            return CudaDevice(self.device) if self.device.type == "cuda" else HostDevice()

        graphs = graphs_of(
            "benchmark",
            run,
            self.eager,
            height=PIXELS,
            width=PIXELS,
            max_batch_size=max_batch_size,
            new_device=new_device,
        )
        if graphs is None:
            raise GraphsRefusedError("The graphs of this network are not used here.")
        return graphs

    def bare(self, batch_size: int) -> Callable[[], object]:
        """One pass over ready inputs: nothing is copied or normalised, nobody waits for it.

        On a GPU compiled as PyTorch's documentation teaches it, with its own CUDA graphs. To be
        called in the thread that made it, to which those belong.
        """
        pixels = torch.randn(
            (batch_size, 3, PIXELS, PIXELS), device=self.device, dtype=self.module.dtype
        )
        step: Callable[[torch.Tensor], torch.Tensor] = self.logits
        if self.device.type == "cuda":
            step = torch.compile(self.logits, mode="reduce-overhead", dynamic=False)

        @torch.inference_mode()
        def run() -> object:
            return step(pixels)

        return run

    def rate(self, step: Callable[[], object], seconds: float) -> float:
        """Steps a second; the device is asked how far it is once in some steps."""
        for _ in range(_STEPS):
            step()
        self._synchronize()
        steps, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds or not steps:
            for _ in range(_STEPS):
                step()
            self._synchronize()
            steps += _STEPS
        return steps / elapsed

    def _synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def throughput(graphs: GraphedForward, batch: Frames, seconds: float) -> float:
    """Images a second from host memory to scores on the host, with the service's overlap."""

    def batches() -> Iterable[Frames]:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            yield batch

    for _ in range(_STEPS):
        graphs([batch])
    started = time.perf_counter()
    done = sum(len(scores) for scores in answers(graphs, batches()))
    return done / (time.perf_counter() - started)


def answers(graphs: GraphedForward, batches: Iterable[Frames]) -> Iterable[torch.Tensor]:
    """Scores of each batch in order; the next one is copied while one computes."""
    running: deque[Running] = deque()
    for batch in batches:
        running.append(graphs.start([batch]))
        if len(running) == PARALLEL_BATCHES:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
