"""Graphs of fixed sizes: buckets, padding, two batches at a time, and when they are not used."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deployments.classifier.graphs import choice
from deployments.classifier.graphs.buckets import bucket_for, buckets_up_to
from deployments.classifier.graphs.forward import PARALLEL_BATCHES, GraphedForward
from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model, load_model
from deployments.classifier.options import ModelOptions
from deployments.classifier.replica import ModelReplica
from deployments.errors import InferenceError, ReplicaLostError
from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores
from tests.assets.models import StandIn
from tests.assets.stand_ins import SIZES_DIFFER, vit
from tests.unit.classifier.graph_devices import BakedDevice, LateDevice, NoCompilerDevice

SIDE = 4


def means(frames: torch.Tensor) -> torch.Tensor:
    """The mean of each colour, ``[N, 3]``: a score that tells whose frame it is of."""
    return frames.float().mean((1, 2)) / 255


def expected(items: Sequence[Frames]) -> torch.Tensor:
    return means(torch.from_numpy(np.concatenate(items)))


def noise(count: int, seed: int = 0, side: int = SIDE) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def graphed(device: LateDevice, max_batch_size: int = 8) -> GraphedForward:
    return GraphedForward(
        means, height=SIDE, width=SIDE, max_batch_size=max_batch_size, device=device
    )


@pytest.mark.parametrize(
    ("max_batch_size", "buckets"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (8, (1, 2, 4, 8)), (24, (1, 2, 4, 8, 16, 24))],
)
def test_buckets_are_the_powers_of_two_and_the_largest_batch(
    max_batch_size: int, buckets: tuple[int, ...]
) -> None:
    assert buckets_up_to(max_batch_size) == buckets


@given(st.integers(1, 600), st.data())
def test_a_batch_goes_to_the_smallest_bucket_that_holds_it(
    max_batch_size: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, max_batch_size))
    buckets = buckets_up_to(max_batch_size)

    bucket = bucket_for(count, buckets)

    assert bucket == min(size for size in buckets if size >= count)
    assert bucket - count < max(1, bucket / 2)


def test_every_bucket_is_captured_before_the_first_batch() -> None:
    device = LateDevice()

    graphs = graphed(device)
    for count in range(1, 9):
        torch.testing.assert_close(graphs([noise(count)]), expected([noise(count)]))

    assert device.captured == [8, 4, 2, 1]
    assert [len(frames) for frames in device.replayed] == [1, 2, 4, 4, 8, 8, 8, 8]


def test_padding_holds_nothing_of_an_earlier_batch() -> None:
    device = LateDevice()
    graphs = graphed(device)
    graphs([noise(8, 1)])

    graphs([noise(3, 2), noise(2, 3)])

    assert device.replayed[-1][5:].count_nonzero() == 0


def test_two_batches_under_way_keep_their_own_frames_and_scores() -> None:
    graphs = graphed(LateDevice())
    items, others = noise(5, 1), noise(7, 2)
    wanted = expected([items])

    first = graphs.start([items])
    second = graphs.start([others])
    items[:] = 0  # the caller's memory is its own again
    last = second.result()
    earlier = first.result()

    torch.testing.assert_close(last, expected([others]))
    torch.testing.assert_close(earlier, wanted)
    kept = earlier.clone()
    graphs([noise(8, 3)])
    torch.testing.assert_close(earlier, kept)


def test_batches_of_several_threads_do_not_mix() -> None:
    # LateDevice's queue is not made for threads: this one runs everything at once.
    graphs = graphed(PromptDevice())
    batches = [[noise(1 + seed % 4, seed), noise(1 + seed % 3, seed + 99)] for seed in range(40)]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(graphs, batches))

    for answer, items in zip(answers, batches, strict=True):
        torch.testing.assert_close(answer, expected(items))


class PromptDevice(LateDevice):
    def compute(self, enqueue: Callable[[], None]) -> Callable[[], None]:
        enqueue()
        return lambda: None


def test_frames_that_are_not_fit_cost_no_lane() -> None:
    graphs = graphed(LateDevice())

    for _ in range(PARALLEL_BATCHES + 1):
        with pytest.raises(InferenceError, match="not fit"):
            graphs([noise(1, side=SIDE + 1)])

    torch.testing.assert_close(graphs([noise(2)]), expected([noise(2)]))


def test_what_a_graph_reads_lives_as_long_as_the_graph() -> None:
    def captured() -> tuple[GraphedForward, weakref.ref[object]]:
        weights = torch.ones(3)

        def run(frames: torch.Tensor) -> torch.Tensor:
            return means(frames) * weights

        graphs = GraphedForward(
            run, height=SIDE, width=SIDE, max_batch_size=2, device=BakedDevice()
        )
        return graphs, weakref.ref(weights)

    graphs, weights = captured()
    gc.collect()

    assert weights() is not None
    del graphs
    gc.collect()
    assert weights() is None


@pytest.fixture
def model(checkpoint: Callable[[StandIn], Path]) -> Model:
    return Model.load(ModelSource("mine", str(checkpoint(vit("ViT")))), OPTIONS)


OPTIONS = ModelOptions(device="cpu", max_batch_size=6)


def test_a_model_scores_alike_with_and_without_graphs(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    items = [noise(2, 1, 64), noise(3, 2, 64)]
    before = model.scores(items)
    device = LateDevice()
    caplog.set_level(logging.INFO)

    model.accelerate(lambda: device)

    assert device.captured == [6, 4, 2, 1]
    assert device.compiled_sizes == [4]
    assert model.info.parallel_batches == PARALLEL_BATCHES
    replays = len(device.replayed)
    np.testing.assert_allclose(model.scores(items), before, atol=1e-6)
    assert len(device.replayed) == replays + 1
    assert "runs as compiled graphs for batches of 1, 2, 4, 6" in caplog.text


def test_the_pass_that_is_captured_compiles_in_one_piece(model: Model) -> None:
    class Traced(LateDevice):
        def compiled(
            self, run: Callable[[torch.Tensor], torch.Tensor], sizes: int
        ) -> Callable[[torch.Tensor], torch.Tensor]:
            return torch.compile(  # as on a GPU, without generating code
                run,
                fullgraph=True,
                dynamic=False,
                backend="eager",
            )

    wide = replace(model.info, max_batch_size=2)
    model.info = wide
    items = [noise(2, 1, 64)]
    before = model.scores(items)
    device = Traced()

    model.accelerate(lambda: device)

    assert device.captured == [2, 1]
    np.testing.assert_allclose(model.scores(items), before, atol=1e-6)


def test_without_a_compiler_graphs_are_captured_as_they_are_and_the_log_says_so(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    device = NoCompilerDevice()
    caplog.set_level(logging.INFO)

    model.accelerate(lambda: device)

    assert device.captured == [6, 4, 2, 1]
    assert model.info.parallel_batches == PARALLEL_BATCHES
    assert "cannot run as compiled graphs" in caplog.text
    assert "runs as graphs" in caplog.text


def test_graphs_whose_scores_differ_are_not_used_and_the_log_says_so(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    before = model.scores([noise(3, 1, 64)])

    model.accelerate(BakedDevice)

    np.testing.assert_array_equal(model.scores([noise(3, 1, 64)]), before)
    assert model.info.parallel_batches == 1
    assert caplog.text.count("differ by") == 2
    assert "runs without graphs" in caplog.text


def test_scores_that_are_no_numbers_count_as_different(caplog: pytest.LogCaptureFixture) -> None:
    def broken(frames: torch.Tensor) -> torch.Tensor:
        return means(frames) * float("nan")

    chosen = choice.graphs_of(
        "mine",
        broken,
        expected,
        height=SIDE,
        width=SIDE,
        max_batch_size=2,
        new_device=LateDevice,
    )

    assert chosen is None


def test_a_model_that_does_not_run_any_more_after_a_failed_capture_does_not_start(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrecked(*_: object) -> torch.Tensor:
        raise torch.AcceleratorError("illegal memory access")

    def capture(*_: object) -> None:
        model._forward = wrecked
        raise RuntimeError("the capture failed")

    device = LateDevice()
    monkeypatch.setattr(device, "capture", capture)

    with pytest.raises(ReplicaLostError):
        model.accelerate(lambda: device)


def test_a_model_whose_own_processor_runs_whole_stays_as_it_is(
    checkpoint: Callable[[StandIn], Path],
) -> None:
    model = Model.load(ModelSource("mine", str(checkpoint(SIZES_DIFFER))), OPTIONS)
    device = LateDevice()

    model.accelerate(lambda: device)

    assert device.captured == []
    assert model.info.input.mode is FitMode.WHOLE


def test_a_model_on_the_cpu_is_loaded_without_graphs(
    checkpoint: Callable[[StandIn], Path],
) -> None:
    model = load_model(ModelSource("mine", str(checkpoint(vit("ViT")))), OPTIONS)

    assert model.info.parallel_batches == 1


async def test_a_replica_whose_device_failed_says_so_and_asks_to_be_replaced() -> None:
    class Failing:
        info = ModelInfo(
            "mine", None, ("a",), (), InputSpec(FitMode.NONE, SIDE, SIDE, crop=True), 4
        )

        def scores(self, items: Sequence[Frames]) -> Scores:
            raise ReplicaLostError("The model's device has failed; try again shortly.")

    replica = ModelReplica(Failing(), max_queued_frames=8)
    replica.check()

    results = await replica.classify([noise(1), noise(2)])

    assert [type(result) for result in results] == [ReplicaLostError] * 2
    with pytest.raises(ReplicaLostError):
        replica.check()
