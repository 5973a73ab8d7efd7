"""Linear layers whose weights are laid out for this CPU once, while the model is loaded.

torch lays a weight out for the CPU's vector units anew in every call. oneDNN can keep the layout,
which is what torch's own compiler does when it freezes a model; here it is done without the
compiler's minutes at every start. A ViT-B/16 takes a fifth less of a core's time that way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from deployments.classifier.linear_layers import linear_places

logger = logging.getLogger(__name__)

SCORE_TOLERANCE = 1e-5
"""How far scores may move: what another order of the same float32 sums may make of them."""


class PackedLinear(torch.nn.Module):
    """What a `torch.nn.Linear` computes, on a CPU, for inference only.

    Args:
        linear: In float32.
        dtype: Of the weight, and so of inputs and outputs.

    Raises:
        AttributeError, RuntimeError: This build of torch cannot lay weights out.
    """

    def __init__(self, linear: torch.nn.Linear, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        # Private to torch, but what its compiler's output calls; whoever puts this in a network
        # checks what it does to the scores.
        self._weight = torch.ops.mkldnn._reorder_linear_weight(
            linear.weight.detach().to(dtype), None
        )
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """``[…, out]`` of ``[…, in]``."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs, self._weight, self._bias, "none", [], ""
        )
        return outputs


def pack(network: torch.nn.Module, scores: Callable[[], torch.Tensor]) -> bool:
    """Packs a network's linear layers in place, unless its scores suffer; False where they would.

    Args:
        network: In float32, on a CPU.
        scores: Runs the network on frames that are the same in each call.
    """
    places = list(linear_places(network))
    if not places:
        return True
    try:
        expected = scores()
        for place in places:
            place.put(PackedLinear(place.linear))
        if (scores() - expected).abs().max() <= SCORE_TOLERANCE:
            return True
        logger.warning("linear layers stay unpacked: packed ones compute something else")
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        # Networks that reach for a layer's weight, builds without oneDNN. One that does not run
        # at all is found out, and said, when it is warmed.
        logger.info("linear layers stay unpacked: %r", error)
    for place in places:
        place.put(place.linear)
    return False
