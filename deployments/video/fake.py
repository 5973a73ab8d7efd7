"""A `VideoFinder` that decodes nothing: the video's scores are given to it beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployments.errors import ModelNotFoundError, VigilError
from deployments.media.sampling import stride
from deployments.types import Buffer, ModelInfo, Scores
from deployments.verdicts import Finding, FirstMatches, LabelQuery


@dataclass(frozen=True, slots=True)
class FakeFind:
    """One call of `FakeVideoFinder.find`."""

    size_bytes: int
    queries: tuple[LabelQuery, ...]
    skip_percentage: float | None


class FakeVideoFinder:
    """Implements `VideoFinder`: every video is the same, and its scores are known.

    Args:
        scores: For each model its ``ModelInfo`` and the video's scores ``[frames, L]``.
    """

    def __init__(self, scores: Mapping[str, tuple[ModelInfo, Scores]]) -> None:
        self._scores = scores
        self._failure: VigilError | None = None
        self.calls: list[FakeFind] = []
        """Every call of `find`, in order, those that failed too."""

    def fail(self, error: VigilError | None) -> None:
        """Make every later `find` raise ``error``; None: work again."""
        self._failure = error

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        self.calls.append(FakeFind(memoryview(data).nbytes, tuple(queries), skip_percentage))
        if self._failure is not None:
            raise self._failure
        return [self._find(query, skip_percentage) for query in queries]

    def _find(self, query: LabelQuery, skip_percentage: float | None) -> list[Finding]:
        if query.model not in self._scores:
            raise ModelNotFoundError(f"There is no model {query.model!r} here.")
        info, scores = self._scores[query.model]
        matches = FirstMatches(info, query)
        step = 1 if skip_percentage is None else stride(len(scores), skip_percentage)
        for index in range(0, len(scores), step):
            matches.add(index + 1, scores[index])
        return matches.findings
