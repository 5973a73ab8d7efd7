"""The forward pass on a CPU: a batch in small chunks, side by side.

What a network's layers hand on for 32 frames is larger than a core's cache, and for some frames it
is not: one core takes 12 ms of its time a frame for 32 at once and 9 for 8 (a ViT of hidden size
96). And threads that take whole chunks wait for each other once a batch, where torch's own wait
after every operation, which costs most where other processes want the cores, too. A batch too
small to keep half of the cores busy is left to torch's own threads, where they gain anything:
alone, a frame of a ViT-B/16 takes 0.16 s on two cores and 0.26 s on one, that of a small network
5 to 9 ms on two and 7 on one. And not where others wait for a core: what torch's threads then gain
in time they take several times from those others.
"""

from __future__ import annotations

import concurrent.futures
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from deployments.classifier.graphs.device import RunFrames
from deployments.classifier.inputs import stage
from deployments.types import Frames

_WORTHWHILE_SHARE = 0.8
"""Of one core's time for a frame, which torch's threads must not exceed."""
_WORTHWHILE_SECONDS = 0.004
"""That they must gain: two milliseconds of a pass's seven did not show in a request's time, where
the threads have to be woken, and cost a quarter of its CPU."""
_MOST_PASSES = 5
_ENOUGH_SECONDS = 0.1
"""Of passes of one kind that are timed; one at least."""


class CpuForward:
    """Implements `ForwardPass`. One batch at a time; a failing chunk fails the batch.

    It takes torch's threads to be worth while for a single frame until `compare` has told.

    Args:
        run: Scores ``[n, L]`` of frames ``[n, H, W, 3]`` uint8; called in several threads at once.
        height: Of the frames.
        width: Of the frames.
        max_batch_size: Frames that a batch holds at most.
        threads: Cores that it may use: chunks that run at a time.
        chunk_frames: Frames of a chunk at most; fewer where that keeps more threads busy.
        cores_are_free: Whether threads that are added now run at once.
    """

    def __init__(
        self,
        run: RunFrames,
        *,
        height: int,
        width: int,
        max_batch_size: int,
        threads: int,
        chunk_frames: int,
        cores_are_free: Callable[[], bool] = lambda: runnable_threads() <= (os.cpu_count() or 1),
    ) -> None:
        self._run = run
        self._cores_are_free = cores_are_free
        self._threads = threads
        self._chunk_frames = chunk_frames
        self._staging = torch.empty((max_batch_size, height, width, 3), dtype=torch.uint8)
        self._whole = _thread_pool("forward-whole", 1, torch_threads=threads)
        self._pool = _thread_pool("forward", threads, torch_threads=1)
        self._shares_frames = True

    def compare(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Find out whether torch's threads are worth while where there is little to do.

        Not while a batch runs. Call it after a first pass of each kind, which takes longer.

        Args:
            clock: Seconds.
        """
        if self._threads == 1:
            return
        frame = self._staging[:1].zero_()
        shared = self._fastest(self._whole, frame, clock)
        alone = self._fastest(self._pool, frame, clock)
        self._shares_frames = shared <= min(_WORTHWHILE_SHARE * alone, alone - _WORTHWHILE_SECONDS)

    def __call__(self, items: Sequence[Frames]) -> torch.Tensor:
        """See `ForwardPass`."""
        frames = self._staging[: stage(items, self._staging)]
        is_small = self._shares_frames and 2 * len(frames) <= self._threads
        if is_small and self._cores_are_free():
            return self._whole.submit(self._score, frames).result()
        chunk = min(self._chunk_frames, -(-len(frames) // self._threads))
        running = [self._pool.submit(self._score, part) for part in torch.split(frames, chunk)]
        # All of them, also where one fails: the next batch overwrites what they read.
        concurrent.futures.wait(running)
        return torch.cat([part.result() for part in running])

    def _fastest(
        self, pool: ThreadPoolExecutor, frames: torch.Tensor, clock: Callable[[], float]
    ) -> float:
        """Seconds of the fastest of some passes in one of a pool's threads."""
        passes: list[float] = []
        while len(passes) < _MOST_PASSES and sum(passes) < _ENOUGH_SECONDS:
            started = clock()
            pool.submit(self._score, frames).result()
            passes.append(clock() - started)
        return min(passes)

    def _score(self, frames: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return self._run(frames)


def runnable_threads() -> int:
    """Threads of the whole machine that run or wait for a core, the caller among them.

    Source: the fourth field of ``/proc/loadavg``, proc_loadavg(5). 0 where there is none: a system
    that does not tell is taken for an idle one.
    """
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0


def _thread_pool(name: str, threads: int, *, torch_threads: int) -> ThreadPoolExecutor:
    """Threads in which torch uses so many of its own."""

    def initialise() -> None:
        # A thread's own setting, once it has been read there: a thread's first reading takes
        # over what was set last, anywhere. MKL's, which this sets as well, is the process's.
        torch.set_num_threads(torch_threads)
        torch.get_num_threads()

    pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=initialise)
    # At once, so that of two pools the one made last decides for MKL.
    pool.submit(lambda: None).result()
    return pool
