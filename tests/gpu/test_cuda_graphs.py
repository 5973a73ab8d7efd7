"""What only a GPU can show: captures replay what they should, from any thread, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from deployments.classifier.graphs.choice import MEDIAN_BOUND, WORST_BOUND, graphs_of
from deployments.classifier.graphs.cuda import CudaDevice
from deployments.classifier.graphs.forward import GraphedForward
from deployments.classifier.processor import Normalisation
from deployments.types import Frames
from tests.assets.models import save
from tests.assets.stand_ins import vit

SIDE, MAX_BATCH_SIZE = 64, 6
HALF = Normalisation((1 / 127.5,) * 3, (-1.0,) * 3)

Scorer = Callable[[torch.Tensor], torch.Tensor]
"""Of frames on the device."""


def noise(count: int, seed: int) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [Image.fromarray(frame) for frame in noise(8, 0)]
    return save(vit("ViT"), tmp_path_factory.mktemp("checkpoint"), pictures)


def scorer(checkpoint: Path, device: torch.device, dtype: torch.dtype) -> Scorer:
    network = transformers.AutoModelForImageClassification.from_pretrained(checkpoint)
    network = network.eval().to(device, dtype)
    coefficients = HALF.coefficients(device)

    def run(frames: torch.Tensor) -> torch.Tensor:
        pixels = HALF.apply(frames, coefficients).to(dtype)
        return network(pixel_values=pixels).logits.float().softmax(-1)

    return run


@pytest.fixture(scope="module")
def eager(gpu: torch.device, checkpoint: Path) -> Callable[[Sequence[Frames]], torch.Tensor]:
    run = scorer(checkpoint, gpu, torch.bfloat16)

    def scores(items: Sequence[Frames]) -> torch.Tensor:
        with torch.inference_mode():
            return run(torch.from_numpy(np.concatenate(items)).to(gpu)).cpu()

    return scores


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "captured as it is"])
def graphs(request: pytest.FixtureRequest, gpu: torch.device, checkpoint: Path) -> GraphedForward:
    device = CudaDevice(gpu)
    run = scorer(checkpoint, gpu, torch.bfloat16)
    return GraphedForward(
        device.compiled(run, 4) if request.param else run,
        height=SIDE,
        width=SIDE,
        max_batch_size=MAX_BATCH_SIZE,
        device=device,
    )


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=WORST_BOUND, rtol=0)


def test_every_size_of_batch_scores_as_in_the_eager_pass(
    graphs: GraphedForward, eager: Callable[[Sequence[Frames]], torch.Tensor]
) -> None:
    for count in range(1, MAX_BATCH_SIZE + 1):
        items = [noise(count, count)]
        assert_close(graphs(items), eager(items))


def test_bfloat16_scores_lie_within_the_bounds_of_float32_on_the_cpu(
    graphs: GraphedForward, checkpoint: Path
) -> None:
    run = scorer(checkpoint, torch.device("cpu"), torch.float32)
    batches = [noise(MAX_BATCH_SIZE, seed) for seed in range(8)]
    with torch.inference_mode():
        reference = torch.cat([run(torch.from_numpy(batch)) for batch in batches])

    scores = torch.cat([graphs([batch]) for batch in batches])

    difference = (scores - reference).abs()
    assert difference.max() <= WORST_BOUND
    assert difference.median() <= MEDIAN_BOUND
    assert reference.std() > 0.05  # or anything would agree


def test_two_batches_under_way_keep_their_own_frames_and_scores(
    graphs: GraphedForward, eager: Callable[[Sequence[Frames]], torch.Tensor]
) -> None:
    for seed in range(50):
        items, others = noise(5, seed), noise(6, seed + 1000)
        wanted = eager([items])

        first, second = graphs.start([items]), graphs.start([others])
        items[:] = 0

        assert_close(second.result(), eager([others]))
        assert_close(first.result(), wanted)


def test_batches_of_several_threads_do_not_mix(
    graphs: GraphedForward, eager: Callable[[Sequence[Frames]], torch.Tensor]
) -> None:
    batches = [[noise(1 + seed % 3, seed), noise(1 + seed % 2, seed + 999)] for seed in range(200)]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(graphs, batches))

    for answer, items in zip(answers, batches, strict=True):
        assert_close(answer, eager(items))


def test_batches_take_no_memory_beyond_what_is_held_before_the_first(
    graphs: GraphedForward, gpu: torch.device
) -> None:
    torch.cuda.synchronize(gpu)
    before = torch.cuda.memory_allocated(gpu)
    torch.cuda.reset_peak_memory_stats(gpu)

    for seed in range(60):
        graphs([noise(1 + seed % MAX_BATCH_SIZE, seed)])

    assert torch.cuda.memory_allocated(gpu) == before
    assert torch.cuda.max_memory_allocated(gpu) == before


def test_a_pass_that_asks_the_host_is_not_captured_and_the_gpu_still_works(
    gpu: torch.device,
    checkpoint: Path,
    eager: Callable[[Sequence[Frames]], torch.Tensor],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = scorer(checkpoint, gpu, torch.bfloat16)

    def asks(frames: torch.Tensor) -> torch.Tensor:
        scores = run(frames)
        return scores if scores.sum().item() >= 0 else -scores

    chosen = graphs_of(
        "mine",
        asks,
        eager,
        height=SIDE,
        width=SIDE,
        max_batch_size=2,
        new_device=lambda: CudaDevice(gpu),
    )

    assert chosen is None
    assert "runs without graphs" in caplog.text
    assert eager([noise(2, 1)]).isfinite().all()


def test_a_model_is_loaded_with_graphs_that_are_compiled(
    gpu: torch.device, checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("httpx2", reason="loading checkpoints needs the whole of requirements")
    from deployments.classifier.hub import ModelSource
    from deployments.classifier.model import load_model
    from deployments.classifier.options import ModelOptions

    caplog.set_level(logging.INFO)

    model = load_model(
        ModelSource("mine", str(checkpoint)),
        ModelOptions(device=str(gpu), max_batch_size=MAX_BATCH_SIZE),
    )

    assert model.info.parallel_batches == 2
    assert "runs as compiled graphs for batches of 1, 2, 4, 6" in caplog.text
    assert np.isfinite(model.scores([noise(3, 1)])).all()
