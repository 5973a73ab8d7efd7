"""What is measured, in which order; limits and the pipeline in turn within each repeat."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import torch

from benchmarks.gpu.decoding import decoded, jpegs, ladder, rate
from benchmarks.gpu.passes import HALF, Network, answers, throughput
from benchmarks.models import calibrate, network_of
from benchmarks.statistics import Spread, paired_ratio, spread
from deployments.classifier.graphs.buckets import buckets_up_to
from deployments.classifier.graphs.choice import MEDIAN_BOUND, WORST_BOUND
from deployments.classifier.graphs.forward import GraphedForward
from deployments.types import Frame, Frames

_AHEAD = 2
"""Batches that are decoded ahead of the model in the pipeline."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    networks: tuple[str, ...]
    max_batch_size: int
    repeats: int
    seconds: float
    """Of each measurement."""
    picture: tuple[int, int]
    pictures: int
    cores: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Scores on the device beside float32 on the CPU."""

    median: float
    worst: float

    @property
    def holds(self) -> bool:
        """Within what the project allows itself; False where a score is no number."""
        return self.median <= MEDIAN_BOUND and self.worst <= WORST_BOUND


@dataclass(frozen=True, slots=True)
class BucketResult:
    """One size of batch; rates in images a second."""

    size: int
    limit: Spread
    """Of a bare loop on ready tensors."""
    pipeline: Spread
    """From frames in host memory to scores there."""
    share: Spread
    """``pipeline / limit``."""


@dataclass(frozen=True, slots=True)
class NetworkResult:
    """One network."""

    name: str
    agreement: Agreement
    load_seconds: float
    """Compiling, capturing and comparing: what graphs add to a replica's start."""
    buckets: tuple[BucketResult, ...]
    whole: Spread
    """Images a second from JPEG files to scores, decoded by threads on all cores."""
    whole_share: Spread
    """``whole`` by the smaller of the limits: decoding alone, the network's bare loop."""


@dataclass(frozen=True, slots=True)
class DecodeResult:
    """Decoding and resizing alone."""

    threads: int
    images_per_second: Spread


@dataclass(slots=True)
class Outcome:
    """Everything that was measured."""

    file_bytes: float
    """Mean size of a picture's file."""
    decode: list[DecodeResult] = field(default_factory=list)
    networks: list[NetworkResult] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether all scores agree with float32 on the CPU."""
        return all(network.agreement.holds for network in self.networks)


def measure(plan: Plan, device: torch.device, say: Callable[[str], None]) -> Outcome:
    """Runs the plan.

    Raises:
        GraphsRefusedError: The service would do without graphs on this device.
    """
    files = jpegs(plan.pictures, plan.picture)
    outcome = Outcome(file_bytes=float(np.mean([len(file) for file in files])))
    for threads in ladder(plan.cores):
        figures = [_decode_rate(files, threads, plan.seconds) for _ in range(plan.repeats)]
        outcome.decode.append(DecodeResult(threads, spread(figures)))
        say(f"decoding, {threads} threads: {outcome.decode[-1].images_per_second.median:.0f}/s")
    frames = np.stack([decoded(file) for file in files])
    for name in plan.networks:
        outcome.networks.append(_network(name, plan, device, files, frames, say))
        if device.type == "cuda":
            torch.compiler.reset()  # its caches; the graphs that needed them are gone
    return outcome


def _network(
    name: str,
    plan: Plan,
    device: torch.device,
    files: Sequence[bytes],
    frames: Frames,
    say: Callable[[str], None],
) -> NetworkResult:
    module = network_of(name)
    pixels = HALF.apply(torch.from_numpy(frames))
    calibrate(module, pixels)
    with torch.inference_mode():
        reference = module(pixel_values=pixels).logits.softmax(-1).numpy()
    network = Network.on(module, device)
    sizes = buckets_up_to(plan.max_batch_size)
    bare = {size: network.bare(size) for size in sizes}
    started = perf_counter()
    graphs = network.graphed(plan.max_batch_size)
    load_seconds = perf_counter() - started
    batches = [frames[i : i + sizes[-1]] for i in range(0, len(frames), sizes[-1])]
    scores = np.concatenate([rows.numpy() for rows in answers(graphs, batches)])
    differences = np.abs(scores - reference)
    agreement = Agreement(float(np.median(differences)), float(differences.max()))
    say(f"{name}: differs by {agreement.median:.1e} in the median, {agreement.worst:.1e} at worst")

    limits: dict[int, list[float]] = {size: [] for size in sizes}
    ours: dict[int, list[float]] = {size: [] for size in sizes}
    whole: list[float] = []
    bounds: list[float] = []
    for _ in range(plan.repeats):
        for size in sizes:
            limits[size].append(size * network.rate(bare[size], plan.seconds))
            batch = np.resize(frames, (size, *frames.shape[1:]))
            ours[size].append(throughput(graphs, batch, plan.seconds))
        decoding = _decode_rate(files, plan.cores, plan.seconds)
        whole.append(_whole(graphs, files, sizes[-1], plan))
        bounds.append(min(decoding, limits[sizes[-1]][-1]))
    results = tuple(
        BucketResult(
            size, spread(limits[size]), spread(ours[size]), paired_ratio(ours[size], limits[size])
        )
        for size in sizes
    )
    for result in results:
        say(
            f"{name}, batches of {result.size}: limit {result.limit.median:.0f}/s, "
            f"copied and scored {result.pipeline.median:.0f}/s"
        )
    share = paired_ratio(whole, bounds)
    say(f"{name}: files to scores {spread(whole).median:.0f}/s, {share.median:.2f} of the limit")
    return NetworkResult(name, agreement, load_seconds, results, spread(whole), share)


def _decode_rate(files: Sequence[bytes], threads: int, seconds: float) -> float:
    """As many pictures as take about so long."""
    pace = rate(files, threads, 2 * threads)
    return rate(files, threads, max(2 * threads, int(pace * seconds)))


def _whole(graphs: GraphedForward, files: Sequence[bytes], size: int, plan: Plan) -> float:
    """Images a second through decoding, the copy and the network, all at the same time."""
    with ThreadPoolExecutor(plan.cores) as pool:
        until = perf_counter() + plan.seconds
        started = perf_counter()
        scores = answers(graphs, _decoded_batches(pool, files, size, until))
        done = sum(len(rows) for rows in scores)
        return done / (perf_counter() - started)


def _decoded_batches(
    pool: ThreadPoolExecutor, files: Sequence[bytes], size: int, until: float
) -> Iterator[Frames]:
    """Full batches until a time, and those that were begun by then."""
    begun: deque[list[Future[Frame]]] = deque()
    while perf_counter() < until or begun:
        while perf_counter() < until and len(begun) <= _AHEAD:
            begun.append([pool.submit(decoded, files[i % len(files)]) for i in range(size)])
        if begun:
            yield np.stack([future.result() for future in begun.popleft()])
