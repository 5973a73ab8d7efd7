"""Frames of one piece of media, in; their scores by every model asked, in order, out.

Decoding (a thread), transfer and inference overlap; a bounded number of frames exists at a time,
however long the media is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from deployments.classifier.protocol import Classifier
from deployments.media.decode_ahead import decode_ahead
from deployments.media.fit import fit_apart
from deployments.types import Frames, InputSpec, ModelInfo, Scores, TimedFrame

CHUNKS_AHEAD = 2
"""Chunks that are decoded but not yet sent."""
CHUNK_BYTES = 16 * 2**20
"""Bytes that travel together at most, or one frame: those of a model that takes whole frames are
large."""


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """One frame's scores."""

    index: int
    """Position in presentation order, counted from 0."""
    pts_seconds: float
    rows: tuple[Scores, ...]
    """``[L]`` for each model, in the order asked."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    indices: list[int]
    pts_seconds: list[float]
    frames: dict[InputSpec, Frames]
    """``[N, h, w, 3]``: models with the same input share one copy."""


async def score_stream(
    classifier: Classifier,
    models: Sequence[ModelInfo],
    frames: Callable[[], Iterator[TimedFrame]],
    executor: Executor,
    *,
    chunk_frames: int = 16,
    window_chunks: int = 4,
    interrupt: Callable[[], None] | None = None,
) -> AsyncGenerator[ScoredFrame, None]:
    """Score frames as they are decoded; close it (``contextlib.aclosing``) to stop early.

    Args:
        classifier: Reaches the models.
        models: One or more; every frame is decoded once and fit once for each distinct input.
        frames: Opens the media; called, drawn and closed in a thread of ``executor``. A frame's
            pixels need to last only until the next one is drawn.
        executor: Gives one thread for the whole run.
        chunk_frames: Frames that travel together; fewer where they fill `CHUNK_BYTES`.
        window_chunks: Chunks in flight to the models.
        interrupt: See `decode_ahead`.

    Raises:
        VigilError: What decoding or a model raised, after the frames before it.
    """
    specs = tuple(dict.fromkeys(model.input for model in models))

    async def score(chunk: _Chunk) -> list[Scores]:
        return await asyncio.gather(
            *(classifier.classify(model.name, chunk.frames[model.input]) for model in models)
        )

    def chunks() -> Iterator[_Chunk]:
        return _chunks(frames(), specs, chunk_frames)

    in_flight: deque[tuple[_Chunk, asyncio.Task[list[Scores]]]] = deque()
    try:
        async with aclosing(decode_ahead(chunks, executor, CHUNKS_AHEAD, interrupt)) as decoded:
            async for chunk in decoded:
                in_flight.append((chunk, asyncio.create_task(score(chunk))))
                while len(in_flight) >= window_chunks or (in_flight and in_flight[0][1].done()):
                    for scored in await _first(in_flight):
                        yield scored
        while in_flight:
            for scored in await _first(in_flight):
                yield scored
    finally:
        for _, task in in_flight:
            task.cancel()
        await asyncio.gather(*(task for _, task in in_flight), return_exceptions=True)


async def _first(in_flight: deque[tuple[_Chunk, asyncio.Task[list[Scores]]]]) -> list[ScoredFrame]:
    """Wait for the oldest chunk in flight and take it out."""
    chunk, task = in_flight[0]
    scores = await task
    in_flight.popleft()
    return [
        ScoredFrame(index, pts_seconds, tuple(rows[i] for rows in scores))
        for i, (index, pts_seconds) in enumerate(zip(chunk.indices, chunk.pts_seconds, strict=True))
    ]


def _chunks(
    frames: Iterator[TimedFrame], specs: Sequence[InputSpec], chunk_frames: int
) -> Iterator[_Chunk]:
    """Fit and stack frames; frames of another size (never resized, so of a model whose own
    processor runs whole) begin a new chunk, because an array holds one size.
    """
    indices: list[int] = []
    pts_seconds: list[float] = []
    fitted: dict[InputSpec, list[np.ndarray]] = {spec: [] for spec in specs}

    def chunk() -> _Chunk:
        made = _Chunk(
            indices.copy(),
            pts_seconds.copy(),
            {spec: np.stack(stack) for spec, stack in fitted.items()},
        )
        indices.clear()
        pts_seconds.clear()
        for stack in fitted.values():
            stack.clear()
        return made

    for frame in frames:
        pictures = {spec: fit_apart(frame.pixels, spec) for spec in specs}
        if indices and any(fitted[s][0].shape != p.shape for s, p in pictures.items()):
            yield chunk()
        indices.append(frame.index)
        pts_seconds.append(frame.pts_seconds)
        for spec, picture in pictures.items():
            fitted[spec].append(picture)
        used = sum(picture.nbytes for stack in fitted.values() for picture in stack)
        if len(indices) == chunk_frames or used >= CHUNK_BYTES:
            yield chunk()
    if indices:
        yield chunk()
