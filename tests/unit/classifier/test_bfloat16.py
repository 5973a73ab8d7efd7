from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import nn

from deployments.classifier import bfloat16
from deployments.classifier.bfloat16 import Bfloat16Linear, feed_forward_layers, lower
from deployments.classifier.packed_linear import PackedLinear, pack

needs_onednn = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU's oneDNN has no bfloat16"
)


def inputs(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


class Block(nn.Module):
    """As in a transformer: what is mixed, then widened and narrowed; a sum around the latter."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(12, 12)
        self.norm = nn.LayerNorm(12)
        self.fc1 = nn.Linear(12, 48)
        self.fc2 = nn.Linear(48, 12)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = self.mix(tokens)
        fed: torch.Tensor = self.fc2(nn.functional.gelu(self.fc1(self.norm(tokens))))
        return tokens + fed


def blocks(count: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(Block() for _ in range(count)), nn.Linear(12, 2))


def running(network: nn.Module) -> Callable[[], torch.Tensor]:
    frames = inputs(16, 5, 12)

    def scores() -> torch.Tensor:
        with torch.inference_mode():
            return torch.as_tensor(network(frames)).mean(1).softmax(-1)

    return scores


def lowered_in(network: nn.Module) -> list[str]:
    return [name for name, part in network.named_modules() if isinstance(part, Bfloat16Linear)]


@needs_onednn
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("output", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(12,), (1, 12), (4, 197, 12), (2, 3, 5, 12)])
def test_a_layer_computes_the_same_to_eight_bits(
    shape: tuple[int, ...], output: torch.dtype, bias: bool
) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(12, 40, bias=bias)
    with torch.inference_mode():
        outputs = Bfloat16Linear(linear, output)(inputs(*shape))
        assert outputs.dtype is output
        torch.testing.assert_close(outputs.float(), linear(inputs(*shape)), atol=0.02, rtol=0.02)


def test_layers_that_widen_and_narrow_again_are_found_in_order() -> None:
    network = blocks(3)
    pairs = feed_forward_layers(network)
    assert [(a.linear, b.linear) for a, b in pairs] == [(b.fc1, b.fc2) for b in network[:3]]


@pytest.mark.parametrize(
    "sizes", [(12, 12, 12), (48, 12, 48), (12, 48, 24), (12, 48), (12,)], ids=str
)
def test_other_layers_are_not(sizes: tuple[int, ...]) -> None:
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    assert not feed_forward_layers(nn.Sequential(*layers))


@needs_onednn
def test_all_of_them_run_in_bfloat16_and_scores_hardly_move(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bfloat16, "MEDIAN_TOLERANCE", 5e-3)  # so small a network is a rough one
    network = blocks(2)
    scores = running(network)
    before = scores()
    layers = feed_forward_layers(network)
    assert pack(network, scores)
    with caplog.at_level(logging.INFO):
        assert lower(layers, scores) == 2
    assert lowered_in(network) == ["0.fc1", "0.fc2", "1.fc1", "1.fc2"]
    moved = (scores() - before).abs()
    assert 0 < moved.max() < bfloat16.WORST_TOLERANCE
    assert "2 feed-forward blocks in bfloat16 run" in caplog.text


@needs_onednn
def test_the_first_pair_stays_behind_where_all_are_too_rough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = blocks(3)
    scores = running(network)
    layers = feed_forward_layers(network)
    agree = iter([False, True])
    monkeypatch.setattr(bfloat16, "_agree", lambda *_: next(agree))
    assert lower(layers, scores) == 2
    assert lowered_in(network) == ["1.fc1", "1.fc2", "2.fc1", "2.fc2"]


@needs_onednn
@pytest.mark.parametrize("count", [1, 3])
def test_a_network_whose_scores_would_move_stays_as_it_was(
    count: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bfloat16, "MEDIAN_TOLERANCE", 0.0)
    network = blocks(count)
    layers = feed_forward_layers(network)
    scores = running(network)
    assert pack(network, scores)
    before = scores()
    with caplog.at_level(logging.INFO):
        assert lower(layers, scores) == 0
    assert lowered_in(network) == []
    assert isinstance(network[0].fc1, PackedLinear)
    assert torch.equal(scores(), before)
    assert "too rough" in caplog.text


@needs_onednn
def test_one_score_that_moves_far_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    network = blocks(2)
    scores = running(network)
    calls = iter([0.0, 0.02, 0.02])

    def moved() -> torch.Tensor:
        shifted = scores()
        shifted[3, 0] += next(calls)
        return shifted

    monkeypatch.setattr(bfloat16, "MEDIAN_TOLERANCE", 1.0)
    assert lower(feed_forward_layers(network), moved) == 0


class ReachesForWeights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = blocks(2)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(self.blocks(frames), self.blocks[1].fc1.weight.T[:2, :2])


@needs_onednn
def test_a_network_that_reaches_for_a_layers_weight_stays_as_it_was() -> None:
    network = ReachesForWeights()
    scores = running(network)
    before = scores()
    assert lower(feed_forward_layers(network), scores) == 0
    assert lowered_in(network) == []
    assert torch.equal(scores(), before)


def test_a_build_without_onednn_leaves_the_network_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object) -> None:
        raise AttributeError("no such operator")

    monkeypatch.setattr(Bfloat16Linear, "__init__", missing)
    network = blocks(2)
    scores = running(network)
    before = scores()
    assert lower(feed_forward_layers(network), scores) == 0
    assert torch.equal(scores(), before)


def test_nothing_is_run_for_a_network_without_such_layers() -> None:
    def never() -> torch.Tensor:
        raise AssertionError

    assert lower((), never) == 0


@pytest.mark.parametrize(
    ("capabilities", "native"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_only_a_cpu_that_multiplies_in_it_takes_it(
    capabilities: dict[str, object], native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert bfloat16.is_native() is native
