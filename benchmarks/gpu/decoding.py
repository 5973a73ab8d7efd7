"""From a JPEG file to what the model takes: as the ingress does it, with the packages at hand."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from benchmarks.pictures import photograph
from deployments.media.fit import fit
from deployments.types import FitMode, Frame, InputSpec

try:  # the service's decoder; a machine with torch and transformers alone lacks it
    import simplejpeg
except ImportError:
    simplejpeg = None

DECODER = "simplejpeg" if simplejpeg else "Pillow"
PIXELS = 224
INPUT = InputSpec(FitMode.STRETCH, PIXELS, PIXELS, resize_height=PIXELS, resize_width=PIXELS)


def jpegs(count: int, size: tuple[int, int]) -> list[bytes]:
    """Files of pictures with the spectrum of photographs, quality 90, 4:2:0."""
    files = []
    for seed in range(count):
        file = io.BytesIO()
        photograph(size, seed).save(file, "JPEG", quality=90, subsampling=2)
        files.append(file.getvalue())
    return files


def decoded(file: bytes) -> Frame:
    """``[224, 224, 3]`` uint8."""
    if simplejpeg:
        return fit(simplejpeg.decode_jpeg(file, colorspace="RGB"), INPUT)
    return fit(np.asarray(Image.open(io.BytesIO(file)).convert("RGB")), INPUT)


def rate(files: Sequence[bytes], threads: int, count: int) -> float:
    """Images a second that so many threads decode and resize; all of it releases the GIL."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(decoded, [files[0]] * threads))
        started = time.perf_counter()
        list(pool.map(decoded, _cycle(files, count)))
        return count / (time.perf_counter() - started)


def ladder(cores: int) -> list[int]:
    """1, 2, 4 … and all cores."""
    return sorted({1 << i for i in range(cores.bit_length()) if 1 << i <= cores} | {cores})


def _cycle(files: Sequence[bytes], count: int) -> Iterator[bytes]:
    return (files[i % len(files)] for i in range(count))
