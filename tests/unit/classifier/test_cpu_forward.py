from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
import torch

from deployments.classifier.cpu_forward import CpuForward, runnable_threads
from deployments.types import Frames

SIDE = 2


def frames_of(*values: int) -> Frames:
    return np.stack([np.full((SIDE, SIDE, 3), value, np.uint8) for value in values])


class Run:
    """Scores are the frames' values; 13 fails."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.threads: set[int] = set()
        self.torch_threads: set[int] = set()

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(frames))
        self.threads.add(threading.get_ident())
        self.torch_threads.add(torch.get_num_threads())
        assert torch.is_inference_mode_enabled()
        values = frames[:, 0, 0, :1].float()
        if 13 in values:
            raise RuntimeError("unlucky")
        return values


def make(
    run: Run, threads: int = 2, chunk_frames: int = 4, cores_are_free: bool = True
) -> CpuForward:
    return CpuForward(
        run,
        height=SIDE,
        width=SIDE,
        max_batch_size=32,
        threads=threads,
        chunk_frames=chunk_frames,
        cores_are_free=lambda: cores_are_free,
    )


@pytest.mark.parametrize(
    ("frames", "sizes"),
    [(2, [1, 1]), (3, [1, 2]), (5, [2, 3]), (8, [4, 4]), (9, [1, 4, 4]), (32, [4] * 8)],
)
def test_batches_are_cut_so_that_all_threads_have_something(frames: int, sizes: list[int]) -> None:
    run = Run()
    values = range(100, 100 + frames)
    assert make(run)([frames_of(*values)])[:, 0].tolist() == list(values)
    assert sorted(run.sizes) == sizes
    assert threading.get_ident() not in run.threads
    assert run.torch_threads == {1}


@pytest.mark.parametrize(("frames", "torch_threads"), [(1, {4}), (2, {4}), (3, {1})])
def test_batches_too_small_for_half_of_the_cores_have_torchs_own_threads(
    frames: int, torch_threads: set[int]
) -> None:
    run = Run()
    values = range(100, 100 + frames)
    forward = make(run, threads=4)
    for _ in range(2):  # what one batch sets must not hold for the next
        assert forward([frames_of(*values)])[:, 0].tolist() == list(values)
        forward([frames_of(*range(8))])
        assert run.torch_threads == torch_threads | {1}


def test_a_small_batch_has_one_thread_where_others_wait_for_a_core() -> None:
    run = Run()
    assert make(run, threads=4, cores_are_free=False)([frames_of(7)])[:, 0].tolist() == [7]
    assert run.torch_threads == {1}


@pytest.mark.parametrize(
    ("shared_seconds", "alone_seconds", "torch_threads"),
    [(7.0, 10.0, {4}), (9.0, 10.0, {1}), (0.005, 0.01, {4}), (0.005, 0.008, {1})],
)
def test_a_small_batch_has_torchs_own_threads_only_where_they_gain_enough(
    shared_seconds: float, alone_seconds: float, torch_threads: set[int]
) -> None:
    run = Run()
    forward = make(run, threads=4)
    now = 0.0

    def clock() -> float:
        nonlocal now
        if run.torch_threads:  # a pass has ended
            now += shared_seconds if run.torch_threads == {4} else alone_seconds
            run.torch_threads.clear()
        return now

    forward.compare(clock)
    assert forward([frames_of(7)])[:, 0].tolist() == [7]
    assert run.torch_threads == torch_threads


@pytest.mark.parametrize(("seconds", "passes"), [(0.01, 10), (0.06, 4), (1.0, 2)])
def test_fast_passes_are_compared_more_than_once(seconds: float, passes: int) -> None:
    run = Run()
    make(run).compare(clock=lambda: seconds * len(run.sizes))
    assert run.sizes == [1] * passes


@pytest.mark.skipif(sys.platform != "linux", reason="from /proc")
def test_a_thread_that_is_busy_counts_as_runnable() -> None:
    assert runnable_threads() >= 1  # this one


def test_items_are_scored_in_order_and_nothing_of_a_batch_is_left_in_the_next() -> None:
    forward = make(Run())
    assert forward([frames_of(1, 2), frames_of(3)])[:, 0].tolist() == [1, 2, 3]
    assert forward([frames_of(4)])[:, 0].tolist() == [4]


def test_a_chunk_that_fails_fails_the_batch_after_the_others_have_ended() -> None:
    run = Run()
    forward = make(run, chunk_frames=1)
    with pytest.raises(RuntimeError, match="unlucky"):
        forward([frames_of(13, 1, 2, 3, 4, 5)])
    assert len(run.sizes) == 6
    assert forward([frames_of(7)])[:, 0].tolist() == [7]
