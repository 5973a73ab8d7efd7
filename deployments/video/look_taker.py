"""Taking a round of looks: decoding, transfer and inference overlap, in bounded memory.

parts of the plan ─▶ decoder processes ─▶ threads: fit ─▶ chunks ─▶ the model ─▶ LookBook
"""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from deployments.classifier.protocol import Classifier
from deployments.media.decode_ahead import decode_ahead
from deployments.media.fit import fit_apart
from deployments.types import Frame, Frames, ModelInfo, Scores
from deployments.video.decoding.pool import OpenedVideo
from deployments.video.decoding.process import DecoderProcess
from deployments.video.decoding.reader import Seen
from deployments.video.parts import parts_of
from deployments.video.sampling.decode_plan import DecodePlan
from deployments.video.sampling.policy import Round

CHUNK_FRAMES = 16
"""Frames that travel together."""
CHUNK_BYTES = 16 * 2**20
"""Fewer travel together where they are as large."""
CHUNK_SECONDS = 0.2
"""A look that comes later than this after the one before it travels at once."""
CHUNKS_AHEAD = 1
"""Chunks of each process that are decoded but not yet sent."""
WINDOW_CHUNKS = 4
"""Chunks in flight to the model."""
SPARSE_LOOKS = 4
"""From so many decoded frames a look on, decoding is what takes long. Then less travels: what is in
flight stands in memory several times on its way, and large calls, which save some per cent of the
time where every frame is looked at, save nothing."""
SPARSE_CHUNK_FRAMES, SPARSE_WINDOW_CHUNKS = 8, 3
HELD_BYTES = 64 * 2**20
"""Fitted pictures that are kept for later rounds; those beyond are decoded anew."""


class Book(Protocol):
    """Is told every look, in any order."""

    @property
    def has_found(self) -> bool:
        """Whether what was asked for is found."""
        ...

    def classify(self, positions: Sequence[int], scores: Scores) -> None:
        """Looks, ascending, with the model's scores ``[N, L]``."""
        ...

    def reuse(self, position: int, source: int) -> None:
        """A look that shows what the one at ``source`` showed."""
        ...


class EnoughFoundError(Exception):
    """What was asked for is found; the looks that are left need not be taken."""


@dataclass(slots=True)
class _Chunk:
    """What one process saw, fitted for the model."""

    positions: list[int] = field(default_factory=list)
    pictures: list[Frame] = field(default_factory=list)
    same: list[tuple[int, int]] = field(default_factory=list)
    """Positions of looks that show what others showed, and those others'."""
    seen: list[int] = field(default_factory=list)
    """Positions of all looks, as they came."""

    def is_full(self, chunk_frames: int) -> bool:
        used = sum(picture.nbytes for picture in self.pictures)
        return len(self.pictures) >= chunk_frames or used >= CHUNK_BYTES


class LookTaker:
    """Takes the looks of one analysis.

    Args:
        video: Open.
        classifier: Reaches the model.
        model: Whose scores are wanted.
        book: Is told every look.
        stop_on_first: Leave off once the book has found a label.
    """

    def __init__(
        self,
        video: OpenedVideo,
        classifier: Classifier,
        model: ModelInfo,
        book: Book,
        *,
        stop_on_first: bool = False,
    ) -> None:
        self._video = video
        self._classifier = classifier
        self._model = model
        self._book = book
        self._stop_on_first = stop_on_first
        self._held: dict[int, Frame] = {}
        self._parts: deque[DecodePlan] = deque()

    async def take(self, wanted: Round, follow: range | None = None) -> None:
        """All looks of a round.

        Args:
            wanted: The round.
            follow: See `VideoReader.read`.

        Raises:
            EnoughFoundError: A label was found, and that is enough.
            VigilError: What decoding or the model raised.
        """
        known = {i: self._held[i] for i in wanted.wanted if i in self._held}
        self._held = {}
        plan = DecodePlan.of(self._video.table, set(wanted.wanted) - known.keys())
        await self._run(plan, follow, known, frozenset(wanted.held))

    async def take_plan(self, plan: DecodePlan) -> None:
        """All looks of a plan, each of them classified.

        Raises:
            EnoughFoundError, VigilError: As `take`.
        """
        await self._run(plan, None, {}, frozenset())

    async def _run(
        self,
        plan: DecodePlan,
        follow: range | None,
        known: Mapping[int, Frame],
        keep: frozenset[int],
    ) -> None:
        video = self._video
        self._parts = deque(parts_of(plan, video.facts, video.table, follow, video.processes))
        if not video.reader.can_be_entered:
            self._join_parts()
        try:
            async with asyncio.TaskGroup() as group:
                work = _Pass.of(plan, group, follow, keep)
                for position, picture in known.items():
                    await self._send(_Chunk([position], [picture]), work)
                await self._decode_all(work)
        except ExceptionGroup as errors:
            raise _first(errors) from errors

    async def _decode_all(self, work: _Pass) -> None:
        """The video's own process goes on until no helper is left that could leave anything."""
        await self._decode(self._video.reader, work)
        while work.helpers:
            await asyncio.wait(work.helpers, return_when=asyncio.FIRST_COMPLETED)
            await self._decode(self._video.reader, work)
        if self._parts:
            raise AssertionError("looks were left out")

    async def _decode(self, reader: DecoderProcess, work: _Pass) -> None:
        """Take part after part, in time's order, until none is left.

        A helper that is recalled puts the rest of its part back, and leaves. The video's own
        process never is, so however often helpers leave, there is progress.
        """
        while self._parts:
            part = self._parts.popleft()
            if self._parts and self._video.has_idle_process:
                helper = work.group.create_task(self._help(work))
                work.helpers.add(helper)
                helper.add_done_callback(work.helpers.discard)
            seen: list[int] = []
            decoded_before = reader.decoded
            async with aclosing(
                decode_ahead(
                    partial(self._fitted, reader, part, work),
                    self._video.executor,
                    CHUNKS_AHEAD,
                    reader.interrupt,
                )
            ) as chunks:
                async for chunk in chunks:
                    seen += chunk.seen
                    await self._send(chunk, work)
            if reader.is_recalled:  # even if the part was over by then, which is not known
                left = part.left_after(seen, self._video.table)
                complete = part.decoded - left.decoded
                self._video.discount(reader.decoded - decoded_before - complete)
                self._put_back(left)
            if not reader.can_be_entered:
                self._join_parts()
            if reader.is_recalled:
                return

    def _put_back(self, part: DecodePlan) -> None:
        insort(self._parts, part, key=lambda part: part.runs[0].entry)

    def _join_parts(self) -> None:
        """Each part would be decoded from the video's start, so let there be one."""
        runs = tuple(run for part in self._parts for run in part.runs)
        self._parts = deque([DecodePlan(runs)] if runs else [])

    async def _help(self, work: _Pass) -> None:
        async with self._video.helper() as reader:
            if reader is not None:
                await self._decode(reader, work)

    def _fitted(self, reader: DecoderProcess, part: DecodePlan, work: _Pass) -> Iterator[_Chunk]:
        """In a thread: what a process sees, fitted."""
        with closing(reader.read(part.runs, work.follow)) as seen:
            yield from self._chunks(seen, work.chunk_frames)

    def _chunks(self, frames: Iterator[Seen], chunk_frames: int) -> Iterator[_Chunk]:
        chunk = _Chunk()
        sent = time.monotonic()
        for seen in frames:
            if seen.pixels is None:
                chunk.seen.append(seen.position)
                chunk.same.append((seen.position, seen.source))
                continue
            picture = fit_apart(seen.pixels, self._model.input)
            if chunk.pictures and chunk.pictures[0].shape != picture.shape:
                yield chunk
                chunk = _Chunk()
            chunk.seen.append(seen.position)
            chunk.positions.append(seen.position)
            chunk.pictures.append(picture)
            if chunk.is_full(chunk_frames) or time.monotonic() - sent > CHUNK_SECONDS:
                yield chunk
                chunk = _Chunk()
                sent = time.monotonic()
        yield chunk

    async def _send(self, chunk: _Chunk, work: _Pass) -> None:
        """Have a chunk's looks classified, once there is room; keep what later rounds may want."""
        for position, source in chunk.same:
            self._book.reuse(position, source)
        looks = [i for i, position in enumerate(chunk.positions) if position not in work.keep]
        for position, picture in zip(chunk.positions, chunk.pictures, strict=True):
            if position in work.keep and self._held_bytes + picture.nbytes <= HELD_BYTES:
                self._held[position] = picture
        if looks:
            await work.window.acquire()
            positions = [chunk.positions[i] for i in looks]
            frames = np.stack([chunk.pictures[i] for i in looks])
            work.group.create_task(self._classify(positions, frames, work))

    async def _classify(self, positions: list[int], frames: Frames, work: _Pass) -> None:
        try:
            scores = await self._classifier.classify(self._model.name, frames)
        finally:
            work.window.release()
        self._book.classify(positions, scores)
        if self._stop_on_first and self._book.has_found:
            raise EnoughFoundError

    @property
    def _held_bytes(self) -> int:
        return sum(picture.nbytes for picture in self._held.values())


@dataclass(frozen=True, slots=True)
class _Pass:
    """One round's work."""

    group: asyncio.TaskGroup
    follow: range | None
    keep: frozenset[int]
    """Positions that are not looked at now, but perhaps in a later round."""
    chunk_frames: int
    """Frames that travel together."""
    window: asyncio.Semaphore
    """Chunks that may be in flight to the model."""
    helpers: set[asyncio.Task[None]] = field(default_factory=set)
    """Those at work, in processes that can be recalled."""

    @classmethod
    def of(
        cls,
        plan: DecodePlan,
        group: asyncio.TaskGroup,
        follow: range | None,
        keep: frozenset[int],
    ) -> _Pass:
        """With as much in flight as suits the plan."""
        is_sparse = plan.decoded >= SPARSE_LOOKS * sum(len(run.wanted) for run in plan.runs)
        chunk_frames = SPARSE_CHUNK_FRAMES if is_sparse else CHUNK_FRAMES
        window_chunks = SPARSE_WINDOW_CHUNKS if is_sparse else WINDOW_CHUNKS
        return cls(group, follow, keep, chunk_frames, asyncio.Semaphore(window_chunks))


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """The error that a client is told: an early end counts only where nothing failed."""
    leaves = list(_leaves(errors))
    return next((e for e in leaves if not isinstance(e, EnoughFoundError)), leaves[0])


def _leaves(errors: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in errors.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
