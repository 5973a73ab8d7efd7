"""Feed-forward layers in bfloat16, on a CPU that multiplies in it.

Such CPUs multiply in bfloat16 twice as fast as in float32, and a vision transformer spends most
of its time in the two layers of each block that widen a token and narrow it again. Everything else
(attention, normalisation, sums, the head) stays in float32: with every product in bfloat16, scores
move by more than this project promises, with these alone by less. The rounding of the first block
goes through all others, so that it stays behind where all are too rough. See
docs/adr/0006-bfloat16-on-cpus.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch

from deployments.classifier.linear_layers import LinearPlace, linear_places
from deployments.classifier.packed_linear import PackedLinear

logger = logging.getLogger(__name__)

MEDIAN_TOLERANCE, WORST_TOLERANCE = 5e-4, 1e-2
"""How far scores of calibration frames may move: half of what is promised for all pictures, as what
a few frames say of all is rough."""

FeedForward: TypeAlias = tuple[LinearPlace, LinearPlace]
"""A layer that widens, and the one that narrows again."""


class Bfloat16Linear(PackedLinear):
    """What a `torch.nn.Linear` computes, for inference on a CPU, in bfloat16.

    Sums are float32; inputs, weights and outputs are rounded to bfloat16's eight bits.

    Args:
        linear: In float32.
        output: Of the outputs; what follows may go on in bfloat16, or want float32.

    Raises:
        AttributeError, RuntimeError: This build of torch, or this CPU, cannot.
    """

    def __init__(self, linear: torch.nn.Linear, output: torch.dtype) -> None:
        super().__init__(linear, torch.bfloat16)
        self._output = output

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """``[…, out]`` of ``[…, in]``."""
        return super().forward(inputs.bfloat16()).to(self._output)


def is_native() -> bool:
    """Whether this CPU has instructions for products in bfloat16."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def feed_forward_layers(network: torch.nn.Module) -> Sequence[FeedForward]:
    """Pairs of layers that widen and narrow again, in a network's order."""
    return [
        (widens, narrows)
        for widens, narrows in pairwise(linear_places(network))
        if widens.linear.out_features == narrows.linear.in_features
        and widens.linear.in_features == narrows.linear.out_features
        and widens.linear.in_features < widens.linear.out_features
    ]


def lower(layers: Sequence[FeedForward], scores: Callable[[], torch.Tensor]) -> int:
    """Puts bfloat16 in the layers' places, as far as scores allow: all, all but the first, or none.

    Args:
        layers: Of a network on a CPU, by `feed_forward_layers`; the places may hold something else
            by now, which comes back where they stay as they were.
        scores: Runs the network on frames that are the same in each call.

    Returns:
        How many pairs run in bfloat16 now.
    """
    if not layers:
        return 0
    before = [(place, place.holds()) for pair in layers for place in pair]
    try:
        expected = scores()
        for widens, narrows in layers:
            # What lies between them, an activation, then reads and writes half the bytes.
            widens.put(Bfloat16Linear(widens.linear, torch.bfloat16))
            narrows.put(Bfloat16Linear(narrows.linear, torch.float32))
        for restored in (0, 2):
            for place, held in before[:restored]:
                place.put(held)
            if (lowered := len(layers) - restored // 2) and _agree(scores(), expected, lowered):
                return lowered
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        # As in `packed_linear`: networks that reach for a weight, builds without oneDNN.
        logger.info("feed-forward layers stay in float32: %r", error)
    for place, held in before:
        place.put(held)
    return 0


def _agree(scores: torch.Tensor, expected: torch.Tensor, lowered: int) -> bool:
    moved = (scores - expected).abs()
    median, worst = moved.median().item(), moved.max().item()
    agree = median <= MEDIAN_TOLERANCE and worst <= WORST_TOLERANCE
    logger.info(
        "%d feed-forward blocks in bfloat16 %s: scores move by %.1e in the median, %.1e at most",
        lowered,
        "run" if agree else "are too rough",
        median,
        worst,
    )
    return agree
