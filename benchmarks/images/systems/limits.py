"""The two bounds that no server can pass, each in a bare loop.

model limit    the network on tensors that lie ready, in Vigil's precision, all cores, at some
               batch sizes
decode limit   the files decoded and resized with Vigil's own code, one process a core

python -m benchmarks.images.systems.limits --model DIRECTORY --seconds 10 FILE…
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from benchmarks.images.reference import ZERO

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier


def model_images_per_second(directory: str, dtype: str, batch: int, seconds: float) -> float:
    """Images per second of the forward pass alone, with torch's default threads.

    Where Vigil takes bfloat16 for some layers by default, so does this.
    """
    import torch
    import transformers

    from deployments.classifier import bfloat16
    from deployments.classifier.calibration import calibration_frames

    network = transformers.AutoModelForImageClassification.from_pretrained(
        directory, dtype=torch.float32 if dtype == "auto" else getattr(torch, dtype)
    ).eval()
    size = network.config.image_size
    if dtype == "auto" and bfloat16.is_native():
        frames = torch.from_numpy(calibration_frames(size, size))
        inputs = frames.permute(0, 3, 1, 2) / 127.5 - 1  # as a ViT's processor does
        with torch.inference_mode():
            bfloat16.lower(
                bfloat16.feed_forward_layers(network), lambda: network(inputs).logits.softmax(-1)
            )
    pixels = torch.randn(batch, 3, size, size).to(network.dtype)
    with torch.inference_mode():
        network(pixels)
        started, images = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            network(pixels)
            images += batch
    return images / elapsed


def decode_limit(files: Sequence[Path], seconds: float) -> tuple[float, float]:
    """Images per second on all cores, and CPU seconds per image."""
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores)
    results = context.SimpleQueue()
    workers = [
        context.Process(target=_decode, args=(files, seconds, barrier, results))
        for _ in range(cores)
    ]
    for worker in workers:
        worker.start()
    figures: list[tuple[int, float, float]] = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    rate = sum(images / elapsed for images, elapsed, _ in figures)
    return rate, sum(cpu for *_, cpu in figures) / sum(images for images, *_ in figures)


def _decode(
    files: Sequence[Path],
    seconds: float,
    barrier: Barrier,
    results: SimpleQueue[tuple[int, float, float]],
) -> None:
    """One worker: images, seconds, CPU seconds."""
    import torch

    from benchmarks.images import zero
    from deployments.media.fit import fit
    from deployments.media.image import open_image
    from deployments.media.limits import MediaLimits

    torch.set_num_threads(1)
    limits = MediaLimits()
    contents = [file.read_bytes() for file in files]

    def one(data: bytes) -> None:
        (frame,) = open_image(data, limits).frames()
        fit(frame.pixels, zero.INPUT)

    for data in contents:
        one(data)
    barrier.wait()
    started, cpu, images = time.perf_counter(), time.process_time(), 0
    # Whole rounds only, so that large and small files are mixed as in the set.
    for index, data in enumerate(cycle(contents), start=1):
        one(data)
        images = index
        if index % len(contents) == 0 and time.perf_counter() - started >= seconds:
            break
    results.put((images, time.perf_counter() - started, time.process_time() - cpu))


def main() -> None:
    """Print the limits as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="a checkpoint's directory, or `zero`")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    decode_rate, decode_cpu = decode_limit(given.files, given.seconds)
    figures = {
        "decode_images_per_second": decode_rate,
        "decode_cpu_seconds_per_image": decode_cpu,
        "model_images_per_second": None
        if given.model == ZERO
        else model_images_per_second(given.model, given.dtype, given.batch, given.seconds),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
