"""What each stage of a video's way costs by itself, in one process: CPU milliseconds per frame.

No sockets, no other process; what the whole path takes beside their sum is hand-overs.

    python -m benchmarks.video.stages
    python -m benchmarks.video.stages --whole every_frame    # the real path without Ray, by process
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from benchmarks.images.systems.ideal import InProcessClassifier
from benchmarks.processes import ProcessFamily
from benchmarks.video.clips import SHORT
from benchmarks.video.service import TINY
from benchmarks.video.workspace import Workspace
from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model, load_model
from deployments.classifier.options import ModelOptions
from deployments.classifier.replica import ModelReplica
from deployments.media.fit import fit
from deployments.media.limits import MediaLimits
from deployments.media.picture import PictureMaker
from deployments.media.small_picture import SmallPictures
from deployments.media.video import open_video
from deployments.types import Frame
from deployments.video.analysis import Analysis, AnalysisRequest
from deployments.video.analyst import LocalVideoAnalyst
from deployments.video.decoding.pool import DecoderPool
from deployments.video.sampling.change import SMALL_SIDE_PIXELS, largest_local_change
from deployments.video.sampling.named import Sampling

_FRAMES = 60
_BATCH = 32


def stages(data: bytes, model: Model) -> dict[str, float]:
    """CPU milliseconds per frame of every stage."""
    decoded: list[VideoFrame] = []

    def decode() -> None:
        with av.open(io.BytesIO(data), "r") as container:
            container.streams.video[0].thread_count = 1
            decoded[:] = islice(container.decode(video=0), _FRAMES)

    made = {"decode, one thread": _milliseconds(decode) / _FRAMES}
    pictures, small = PictureMaker(), SmallPictures(SMALL_SIDE_PIXELS)
    rgb: Frame = pictures.rgb(decoded[0])
    slot = np.empty_like(rgb)
    luma = [small.luma(frame) for frame in decoded[:2]]
    fitted = fit(rgb, model.info.input)
    batch = np.stack([fitted] * _BATCH)
    turn = cycle(decoded)
    each: dict[str, Callable[[], object]] = {
        "to RGB": lambda: pictures.rgb(next(turn)),
        "copy to shared memory": lambda: np.copyto(slot, rgb),
        "small luma": lambda: small.luma(next(turn)),
        "compare lumas": lambda: largest_local_change(luma[0], luma[1]),
        "fit": lambda: fit(rgb, model.info.input),
    }
    for name, work in each.items():
        made[name] = _milliseconds(partial(_repeat, work)) / _FRAMES
    made["stack"] = _milliseconds(lambda: np.stack([fitted] * 16)) / 16
    made[f"forward, batches of {_BATCH}"] = _milliseconds(lambda: model.scores([batch])) / _BATCH
    made["open, the whole file"] = _milliseconds(lambda: open_video(data, MediaLimits()))
    return made


def whole(data: bytes, model: Model, sampling: Sampling) -> dict[str, float]:
    """The analyst with its decoder processes and the model in this process.

    Returns:
        CPU milliseconds per decoded frame, by the thread of this process, and of the decoders.
    """
    replica = ModelReplica(model, max_queued_frames=4096)
    request = AnalysisRequest(model.info.name, 0.7, sampling=sampling)
    decoders = DecoderPool(2, MediaLimits())
    analyst = LocalVideoAnalyst(InProcessClassifier(replica), decoders, b"stages")
    family = ProcessFamily(os.getpid(), "stages")

    async def analyse() -> Analysis:
        *_, last = [event async for event in analyst.analyse(data, request)]
        assert isinstance(last, Analysis)
        return last

    async def measured() -> dict[str, float]:
        await analyse()
        family.refresh()
        before = _by_thread(family)
        frames = (await analyse()).coverage.frames_decoded
        after = _by_thread(family)
        return {name: 1000 * (after[name] - before.get(name, 0)) / frames for name in after}

    try:
        return asyncio.run(measured())
    finally:
        decoders.close()


def _by_thread(family: ProcessFamily) -> dict[str, float]:
    """CPU seconds so far of this process's threads by name, and of its children."""
    names = {thread.native_id: thread.name.rpartition("_")[0] for thread in threading.enumerate()}
    used: defaultdict[str, float] = defaultdict(float)
    for pid, threads in family.threads().items():
        for thread in threads:
            own = names.get(thread.id) or "event loop and torch"
            used[own if pid == os.getpid() else "decoders"] += thread.cpu_seconds
    return used


def _repeat(work: Callable[[], object]) -> None:
    for _ in range(_FRAMES):
        work()


def _milliseconds(work: Callable[[], object]) -> float:
    """CPU time of all threads, the better of two."""
    used = []
    for _ in range(2):
        before = time.process_time()
        work()
        used.append(1000 * (time.process_time() - before))
    return min(used)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--whole", type=Sampling, action="append", default=[])
    parser.add_argument("--video", type=Path, help="default: the short 1080p clip")
    parser.add_argument(
        "--work-directory", type=Path, default=Path(tempfile.gettempdir()) / "vigil-benchmarks"
    )
    given = parser.parse_args()
    workspace = Workspace(given.work_directory, False, print)
    data = (given.video or workspace.clip(SHORT)).read_bytes()
    source = ModelSource("benchmark", str(workspace.checkpoint(TINY)))
    model = load_model(source, ModelOptions(max_batch_size=_BATCH, device="cpu", cpu_threads=1))
    tables = {sampling.value: whole(data, model, sampling) for sampling in given.whole}
    for title, table in (tables or {"stages": stages(data, model)}).items():
        print(f"{title}: CPU milliseconds per frame decoded")
        for name, milliseconds in table.items():
            print(f"  {name:24} {milliseconds:8.2f}")


if __name__ == "__main__":
    main()
