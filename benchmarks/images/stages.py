"""What each stage of Vigil's path costs by itself, in one process: milliseconds of CPU per image.

No sockets, no other process: the stages' own floor, to read beside `benchmarks.images.profile`,
which shows what they cost in the running service.

    python -m benchmarks.images.stages
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.types import Message

from benchmarks.images.scenarios import FileSet
from benchmarks.images.workspace import Workspace
from benchmarks.load import File, upload
from benchmarks.model_kind import ModelKind
from benchmarks.statistics import spread
from deployments.classifier.batcher import Batcher
from deployments.classifier.coalescer import Coalescer, Origins
from deployments.classifier.hub import ModelSource
from deployments.classifier.model import Model, load_model
from deployments.classifier.options import ModelOptions
from deployments.media.fit import fit
from deployments.media.image import open_image
from deployments.media.limits import MediaLimits
from deployments.media.sniff import sniff
from deployments.types import Frame, Frames, Scores
from deployments.verdicts import label_scores
from serve_app.uploads import read_file

_CHUNK_BYTES = 65_536
"""In which a server hands a body on."""
_CONCURRENT = 32
_LABELS = 2


class Stages:
    """One method a stage; each works on every file once and returns nothing.

    Args:
        files: What is uploaded.
        model: Loaded.
    """

    def __init__(self, files: Sequence[File], model: Model) -> None:
        self._data = [file.data for file in files]
        self._uploads = [upload("/", "file", [file]) for file in files]
        self._model = model
        self._spec = model.info.input
        self._limits = MediaLimits()
        self._opened = [open_image(data, self._limits) for data in self._data]
        self._decoded: list[Frame] = [next(image.frames()).pixels for image in self._opened]
        self._fitted: list[Frames] = [fit(frame, self._spec)[None] for frame in self._decoded]
        self._row = np.array([0.75, 0.25], np.float32)

    def __len__(self) -> int:
        return len(self._data)

    def parse_multipart(self) -> None:
        """The body, in chunks, to the file's bytes."""
        asyncio.run(self._parse())

    def sniff(self) -> None:
        """The format by the first bytes."""
        for data in self._data:
            sniff(data)

    def open(self) -> None:
        """Header and structure; with another look at the format."""
        for data in self._data:
            open_image(data, self._limits)

    def decode(self) -> None:
        """To an upright RGB frame."""
        for image in self._opened:
            next(image.frames())

    def resize(self) -> None:
        """To the model's input."""
        for frame in self._decoded:
            fit(frame, self._spec)

    def coalesce(self) -> None:
        """Many callers' frames into calls that cost nothing."""

        async def send(
            items: list[Frames], waiting_frames: float, origins: Origins
        ) -> list[Scores]:
            await asyncio.sleep(0)
            return [np.zeros((len(item), _LABELS), np.float32) for item in items]

        coalescer = Coalescer(send, max_call_frames=32, max_queued_frames=4096)
        self._concurrently(coalescer.submit)

    def serialise(self) -> None:
        """A call of eight frames to bytes and back, as pickle does it for the wire."""
        frames = list(islice(cycle(self._fitted), len(self)))
        for start in range(0, len(frames), 8):
            pickle.loads(pickle.dumps(frames[start : start + 8], protocol=5))  # noqa: S301 - ours

    def batch(self) -> None:
        """Many callers' frames into batches of a model that costs nothing; with its thread."""

        def run(items: Sequence[Frames]) -> Scores:
            return np.zeros((sum(map(len, items)), _LABELS), np.float32)

        batcher = Batcher(run, max_batch_size=32, max_queued_frames=4096)
        self._concurrently(batcher.submit)

    def answer(self) -> None:
        """Scores to the bytes of the answer."""
        for _ in self._data:
            scores = label_scores(self._model.info, self._row)
            JSONResponse([{"label": s.label, "score": s.score} for s in scores])

    def forward(self, batch: int) -> Callable[[], None]:
        """Normalise and run the network, in batches of a size."""

        def run() -> None:
            for start in range(0, len(self), batch):
                self._model.scores(list(islice(cycle(self._fitted), start, start + batch)))

        return run

    async def _parse(self) -> None:
        for request in self._uploads:
            body = memoryview(request.body)
            chunks = [
                bytes(body[start : start + _CHUNK_BYTES])
                for start in range(0, len(body), _CHUNK_BYTES)
            ]
            headers = [(k.lower().encode(), v.encode()) for k, v in request.headers.items()]
            scope = {"type": "http", "method": "POST", "headers": headers}
            await read_file(HttpRequest(scope, _receiving(chunks)), "file")

    def _concurrently(self, submit: Callable[[Frames], Awaitable[Scores]]) -> None:
        async def all_at_once() -> None:
            await asyncio.gather(*(submit(frames) for frames in self._fitted))

        asyncio.run(all_at_once())


def _receiving(chunks: Sequence[bytes]) -> Callable[[], Awaitable[Message]]:
    left = iter([*[(chunk, True) for chunk in chunks], (b"", False)])

    async def receive() -> Message:
        chunk, more = next(left)
        return {"type": "http.request", "body": chunk, "more_body": more}

    return receive


def milliseconds(stage: Callable[[], None], images: int, repeats: int) -> float:
    """Median CPU milliseconds per image, all threads of this process."""
    stage()
    costs = []
    for _ in range(repeats):
        started = time.process_time()
        stage()
        costs.append(1000 * (time.process_time() - started) / images)
    return spread(costs).median


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=("tiny", "base"), default="tiny")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--files", choices=("jpeg", "mixed"), default="jpeg")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--work-directory", type=Path, default=Path(tempfile.gettempdir()) / "vigil-benchmarks"
    )
    given = parser.parse_args()
    files: FileSet = given.files
    workspace = Workspace(given.work_directory, (files,))
    kind = ModelKind(given.model, given.dtype)
    options = ModelOptions(dtype=kind.dtype, cpu_threads=torch.get_num_threads())
    model = load_model(ModelSource("benchmark", str(workspace.checkpoint(kind))), options)
    members = workspace.files[files]
    stages = Stages(list(islice(cycle(members), max(_CONCURRENT, len(members)))), model)
    table = {
        "parse multipart": stages.parse_multipart,
        "sniff": stages.sniff,
        "open: header and structure": stages.open,
        "decode": stages.decode,
        "resize": stages.resize,
        "coalesce, 32 callers": stages.coalesce,
        "serialise and back, 8 frames a call": stages.serialise,
        "batch, 32 callers": stages.batch,
        "normalise and forward, batch 1": stages.forward(1),
        "normalise and forward, batch 8": stages.forward(8),
        "normalise and forward, batch 32": stages.forward(32),
        "answer": stages.answer,
    }
    print(f"CPU ms per image, {kind.name}, {given.files}, {torch.get_num_threads()} torch threads")
    for name, stage in table.items():
        print(f"{milliseconds(stage, len(stages), given.repeats):9.3f}   {name}", flush=True)


if __name__ == "__main__":
    main()
