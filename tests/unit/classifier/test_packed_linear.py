from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from deployments.classifier.packed_linear import PackedLinear, pack


def inputs(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def running(network: nn.Module) -> Callable[[], torch.Tensor]:
    frames = inputs(3, 5, 12)

    def scores() -> torch.Tensor:
        with torch.inference_mode():
            outputs: torch.Tensor = network(frames)
            return outputs

    return scores


def two_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 40), nn.GELU(), nn.Linear(40, 7, bias=False))


def packed_in(network: nn.Module) -> int:
    return sum(isinstance(module, PackedLinear) for module in network.modules())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(12,), (1, 12), (4, 197, 12), (2, 3, 5, 12)])
def test_a_packed_layer_computes_the_same(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(12, 40, bias=bias)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(inputs(*shape)), linear(inputs(*shape)))


def test_all_layers_of_a_network_are_packed_and_its_scores_stay() -> None:
    network = two_layers()
    scores = running(network)
    before = scores()
    assert pack(network, scores)
    assert packed_in(network) == 2
    torch.testing.assert_close(scores(), before)


class ReachesForWeights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = two_layers()
        self.head = nn.Linear(7, 2)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(self.layers(frames), self.head.weight)


def test_a_network_that_reaches_for_a_layers_weight_stays_as_it_was() -> None:
    network = ReachesForWeights()
    scores = running(network)
    before = scores()
    assert not pack(network, scores)
    assert packed_in(network) == 0
    assert torch.equal(scores(), before)


def test_a_network_whose_scores_would_move_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = PackedLinear.forward
    monkeypatch.setattr(
        PackedLinear, "forward", lambda self, given: right(self, given) + 1e-3, raising=True
    )
    network = two_layers()
    scores = running(network)
    before = scores()
    assert not pack(network, scores)
    assert torch.equal(scores(), before)
    assert "something else" in caplog.text


class Subclass(nn.Linear):
    """May compute something else."""


@pytest.mark.parametrize("layer", [Subclass(12, 12), nn.Linear(12, 12).double()])
def test_subclasses_and_other_precisions_are_left_alone(layer: nn.Linear) -> None:
    network = nn.Sequential(layer)
    frames = inputs(2, 12).to(layer.weight.dtype)
    with torch.inference_mode():
        assert pack(network, lambda: network(frames))
    assert packed_in(network) == 0


def test_a_network_that_does_not_run_is_left_to_its_warming() -> None:
    network = two_layers()

    def fails() -> torch.Tensor:
        raise RuntimeError("no")

    assert not pack(network, fails)
    assert packed_in(network) == 0
