"""Whether graphs take the eager pass's place: only where they can be made, and agree with it.

All of it happens while a model is loaded. There is no way back to the eager pass later: a graph
that ran when it was made either runs, or the device has failed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch

from deployments.classifier.graphs.buckets import buckets_up_to
from deployments.classifier.graphs.device import GraphDevice, RunFrames
from deployments.classifier.graphs.forward import GraphedForward
from deployments.types import Frames

logger = logging.getLogger(__name__)

MEDIAN_BOUND, WORST_BOUND = 1e-3, 2e-2
"""How far scores may lie from the eager pass's: what this project allows itself beside
``transformers.pipeline``."""

_BLOCK = 16
"""Side of the flat squares in half of the frames that are compared, in pixels."""


class ForwardPass(Protocol):
    """Frames in, scores out. Implementations: `GraphedForward`, ``Model``'s eager pass."""

    def __call__(self, items: Sequence[Frames]) -> torch.Tensor:
        """Scores ``[Σ nᵢ, L]`` float32, on the host, of items ``[nᵢ, H, W, 3]`` uint8; blocking."""
        ...


def graphs_of(
    name: str,
    run: RunFrames,
    eager: ForwardPass,
    *,
    height: int,
    width: int,
    max_batch_size: int,
    new_device: Callable[[], GraphDevice],
) -> GraphedForward | None:
    """The pass as graphs, compiled if possible; None where the eager pass has to do. Loud then.

    Args:
        name: The model's, for the log.
        run: The pass, on the device.
        eager: The same, uncaptured: what its scores are compared with.
        height: Of the frames.
        width: Of the frames.
        max_batch_size: Frames that a batch holds at most.
        new_device: Where it runs; asked for each try, because a failed capture leaves marks.
    """
    sizes = len(buckets_up_to(max_batch_size))
    for kind in ("compiled graphs", "graphs"):
        started = time.monotonic()
        try:
            device = new_device()
            candidate = device.compiled(run, sizes) if kind == "compiled graphs" else run
            graphs = GraphedForward(
                candidate,
                height=height,
                width=width,
                max_batch_size=max_batch_size,
                device=device,
            )
            median, worst = difference(graphs, eager, height, width)
        except Exception:  # compilers, drivers and networks fail in their own ways
            logger.warning("the model %r cannot run as %s", name, kind, exc_info=True)
            continue
        if median <= MEDIAN_BOUND and worst <= WORST_BOUND:
            logger.info(
                "the model %r runs as %s for batches of %s; made in %.0f s, scores differ by %.1e",
                name,
                kind,
                ", ".join(map(str, graphs.buckets)),
                time.monotonic() - started,
                worst,
            )
            return graphs
        logger.warning(
            "the scores of the model %r as %s differ by %.1e in the median, %.1e at worst",
            name,
            kind,
            median,
            worst,
        )
        del graphs  # and their memory, which the next try needs
    logger.warning("the model %r runs without graphs: its GPU does less than it could", name)
    return None


def difference(
    graphs: GraphedForward, eager: ForwardPass, height: int, width: int
) -> tuple[float, float]:
    """Median and worst difference of scores, over every bucket, most of them with padding.

    Scores beyond 1, which only regressions have, are compared by their ratio.
    """
    differences = []
    for items in _batches(graphs.buckets, height, width):
        ours, theirs = graphs(items).numpy(), eager(items).numpy()
        differences.append((np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))).ravel())
    every = np.concatenate(differences)
    return float(np.median(every)), float(every.max())


def _batches(buckets: Sequence[int], height: int, width: int) -> Iterator[list[Frames]]:
    """A batch of three quarters of each bucket, then a full one: other frames in each, of which
    none was there at the capture.
    """
    rng = np.random.default_rng(0)
    for count in (*(bucket - bucket // 4 for bucket in buckets), buckets[-1]):
        noise = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
        grid = noise[:, ::_BLOCK, ::_BLOCK]
        blocks = grid.repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)[:, :height, :width]
        noise[::2] = blocks[::2]
        yield [noise]
