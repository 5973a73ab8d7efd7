"""All looks of one analysis: what they show, what is news, and how far the first round is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deployments.media.packets import Int64Array
from deployments.types import Scores
from deployments.video.analysis import AnalysisEvent, Progress
from deployments.video.conclusion import Question
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks

_NONE = -1
_FIRST_ROWS = 1024
_PROGRESS_STEP = 0.01
"""Share of the range after which progress is told anew."""


class LookBook:
    """Takes looks in any order. Two numbers a frame of the video and a row a classified look are
    all that it keeps, as hours of video have hundreds of thousands of them.

    Args:
        table: The video's frames.
        span: Positions that are asked about.
        question: The labels that are watched.
        tell: Is told progress and labels that were found.
    """

    def __init__(
        self,
        table: FrameTable,
        span: range,
        question: Question,
        tell: Callable[[AnalysisEvent], None],
    ) -> None:
        self._table = table
        self._span = span
        self._question = question
        self._tell = tell
        self._row_of = np.full(len(table), _NONE, np.int64)
        self._source_of = np.full(len(table), _NONE, np.int64)
        self._scores = np.empty((_FIRST_ROWS, len(question.thresholds)), np.float32)
        self._count = 0
        self._found: set[str] = set()
        self._due: Sequence[int] = ()
        self._passed = 0
        self._told = 0.0

    @property
    def classified(self) -> int:
        """Looks that the model has seen."""
        return self._count

    @property
    def reused(self) -> int:
        """Looks that show what another one showed."""
        return len(self._looked_at()) - self._count

    @property
    def has_found(self) -> bool:
        """Whether any label asked for has reached its threshold."""
        return bool(self._found)

    def expect(self, looks: Sequence[int]) -> None:
        """The looks, ascending, by which progress is told."""
        self._due = looks
        self._passed = 0

    def classify(self, positions: Sequence[int], scores: Scores) -> None:
        """Looks, ascending, with the model's scores ``[N, L]``."""
        for position, row in zip(positions, self._question.columns(scores), strict=True):
            self._add(position, row)
            for found in self._question.matches(position, self._at(position), row):
                if found.label not in self._found:
                    self._found.add(found.label)
                    self._tell(found)
        self._progress()

    def reuse(self, position: int, source: int) -> None:
        """A look that shows what the one at ``source`` showed."""
        self._source_of[position] = source

    def looks(self) -> Looks:
        """All that are known."""
        frames = self._looked_at()
        sources = self._sources(frames)
        return Looks(frames, self._scores[self._row_of[sources]], sources)

    def _add(self, position: int, row: Scores) -> None:
        if self._count == len(self._scores):
            self._scores = np.concatenate((self._scores, np.empty_like(self._scores)))
        self._scores[self._count] = row
        self._row_of[position] = self._count
        self._count += 1

    def _sources(self, frames: Int64Array) -> Int64Array:
        """The classified look that each look shows; its own position where it is one itself."""
        sources = self._source_of[frames]
        return np.where(sources == _NONE, frames, sources)

    def _looked_at(self) -> Int64Array:
        """Positions, ascending, of the looks whose scores are known."""
        frames = ((self._row_of != _NONE) | (self._source_of != _NONE)).nonzero()[0]
        return np.asarray(frames[self._row_of[self._sources(frames)] != _NONE], np.int64)

    def _at(self, position: int) -> float:
        return float(self._table.seconds[position])

    def _progress(self) -> None:
        while self._passed < len(self._due) and self._is_known(self._due[self._passed]):
            self._passed += 1
        if not self._passed:
            return
        start, end = self._at(self._span.start), self._table.shown_until(self._span.stop - 1)
        is_all = self._passed == len(self._due)
        seconds = end if is_all else self._at(self._due[self._passed - 1])
        fraction = min(1.0, (seconds - start) / (end - start)) if end > start else 1.0
        if fraction >= self._told + _PROGRESS_STEP:
            self._told = fraction
            self._tell(Progress(seconds, fraction))

    def _is_known(self, position: int) -> bool:
        source = int(self._source_of[position])
        return bool(self._row_of[position if source == _NONE else source] != _NONE)
