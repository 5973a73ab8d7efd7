"""Which stage of a request a sampled Python stack belongs to. Pure functions.

A stack is what py-spy's raw format gives: frames from the outermost to the innermost, as
``function (file:line)``. Its stage is that of its innermost frame that a rule knows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

RULES: tuple[tuple[str, str], ...] = (
    ("interpolate (", "resize"),
    ("deployments/media/fit.py", "resize"),
    ("deployments/media/sniff.py", "sniff and structure"),
    ("deployments/media/structure/", "sniff and structure"),
    ("deployments/media/", "decode"),
    ("deployments/classifier/processor.py", "normalise"),
    ("deployments/classifier/model.py", "forward"),
    ("benchmarks/images/zero.py", "forward"),
    ("transformers/", "forward"),
    ("torch/nn/", "forward"),
    ("deployments/classifier/coalescer.py", "coalesce"),
    ("deployments/classifier/client.py", "coalesce"),
    ("deployments/calls.py", "coalesce"),
    ("deployments/classifier/batcher.py", "batch"),
    ("deployments/classifier/replica.py", "batch"),
    ("deployments/classifier/frame_queue.py", "batch and coalesce queues"),
    ("python_multipart/", "parse multipart"),
    ("serve_app/uploads.py", "parse multipart"),
    ("serve_app/api/compat_answers.py", "answer"),
    ("deployments/verdicts.py", "answer"),
    ("starlette/responses.py", "answer"),
    ("json/", "answer"),
    ("cloudpickle", "call: serialise"),
    ("ray/serve/_private/serialization", "call: serialise"),
    ("ray/_private/serialization.py", "call: serialise"),
    ("ray/serve/generated", "call: gRPC"),
    ("grpc/", "call: gRPC"),
    ("ray/util/metrics.py", "metrics"),
    ("ray/serve/metrics.py", "metrics"),
    ("opentelemetry/", "metrics"),
    ("prometheus_client/", "metrics"),
    ("ray/serve/", "call: Ray Serve"),
    ("ray/", "Ray"),
    ("httptools", "receive: HTTP"),
    ("uvicorn/", "receive: HTTP"),
    ("fastapi/", "framework"),
    ("starlette/", "framework"),
    ("pydantic", "framework"),
    ("serve_app/", "routes"),
    ("concurrent/futures/", "thread hand-offs"),
    ("threading.py", "thread hand-offs"),
    ("asyncio/", "event loop"),
    ("uvloop", "event loop"),
    ("logging/", "logging"),
)
"""Part of a frame's file, and the stage: the first rule that fits."""

OTHER = "other"
NATIVE_LOOP = "event loop (native)"
"""uvloop runs in C: of a thread that is in it, only the thread's own frames show."""

_WAITS = re.compile(
    r"(Condition\.)?wait \((.*/)?threading\.py|main_loop \((.*/)?ray/_private/worker\.py"
)
"""Innermost frames of threads that wait; a sampler now and then takes one for running."""

_THREADS_OWN = re.compile(r"run \((.*/)?threading\.py")
_THREAD = re.compile(r"thread \((\d+)\)[^;]*;")


def stage(stack: str) -> str:
    """The stage of one stack, frames separated by ``;``."""
    frames = stack.split(";")
    if _THREADS_OWN.match(frames[-1]):
        return NATIVE_LOOP
    for frame in reversed(frames):
        for part, name in RULES:
            if part in frame:
                return name
    return OTHER


def stages_by_thread(raw: Iterable[str]) -> Mapping[int, Mapping[str, float]]:
    """For each thread id, the share of its samples in each stage.

    Args:
        raw: Lines of py-spy's raw format with threads: a stack that begins with
            ``thread (<id>): <name>``, a space, its number of samples.
    """
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for line in raw:
        stack, _, samples = line.rstrip().rpartition(" ")
        thread = _THREAD.match(stack)
        if thread and not _WAITS.match(stack.rpartition(";")[2]):
            counts[int(thread[1])][stage(stack[thread.end() :])] += int(samples)
    return {
        thread: {name: count / stages.total() for name, count in stages.items()}
        for thread, stages in counts.items()
    }
