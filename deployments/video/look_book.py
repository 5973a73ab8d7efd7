"""All looks of one analysis: what they show, what is news, and how far the first round is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deployments.types import Scores
from deployments.video.analysis import AnalysisEvent, Progress
from deployments.video.conclusion import Question
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks

_PROGRESS_STEP = 0.01
"""Share of the range after which progress is told anew."""


class LookBook:
    """Takes looks in any order.

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
        self._rows: dict[int, Scores] = {}
        self._sources: dict[int, int] = {}
        self._found: set[str] = set()
        self._due: Sequence[int] = ()
        self._passed = 0
        self._told = 0.0

    @property
    def classified(self) -> int:
        """Looks that the model has seen."""
        return len(self._rows)

    @property
    def reused(self) -> int:
        """Looks that show what another one showed."""
        return sum(source in self._rows for source in self._sources.values())

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
            self._rows[position] = row
            for found in self._question.matches(position, self._at(position), row):
                if found.label not in self._found:
                    self._found.add(found.label)
                    self._tell(found)
        self._progress()

    def reuse(self, position: int, source: int) -> None:
        """A look that shows what the one at ``source`` showed."""
        self._sources[position] = source

    def looks(self) -> Looks:
        """All that are known."""
        reused = {i: source for i, source in self._sources.items() if source in self._rows}
        rows = self._rows | {i: self._rows[source] for i, source in reused.items()}
        return Looks.of(rows, reused)

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
        return self._sources.get(position, position) in self._rows
