"""Which stage of a request a sampled Python stack belongs to. Pure functions.

A stack is what py-spy's raw format gives: frames from the outermost to the innermost, as
``function (file:line)``. Its stage is that of its innermost frame that a rule knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

RULES: tuple[tuple[str, str], ...] = (
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


def stage(stack: str) -> str:
    """The stage of one stack, frames separated by ``;``."""
    for frame in reversed(stack.split(";")):
        for part, name in RULES:
            if part in frame:
                return name
    return OTHER


def stages(raw: Iterable[str]) -> Mapping[str, float]:
    """Share of the samples in each stage, largest first.

    Args:
        raw: Lines of py-spy's raw format: a stack, a space, its number of samples.
    """
    counts: Counter[str] = Counter()
    for line in raw:
        stack, _, samples = line.rstrip().rpartition(" ")
        if stack:
            counts[stage(stack)] += int(samples)
    total = counts.total()
    return {name: count / total for name, count in counts.most_common()}
