"""Looks that come in any order, found in by their order: the answer is that of a plain loop."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.types import Scores
from deployments.verdicts import FirstMatches


class FirstMatchesBook:
    """Implements `Book`: gives looks on in order, as soon as all those before them are known.

    Args:
        match: Is given them.
        step: Every so-manieth frame is looked at, from the first on.
    """

    def __init__(self, match: FirstMatches, step: int) -> None:
        self._match = match
        self._step = step
        self._next = 0
        self._early: dict[int, Scores] = {}

    @property
    def has_found(self) -> bool:
        """Whether no later frame can change the answer."""
        return self._match.done

    def classify(self, positions: Sequence[int], scores: Scores) -> None:
        """See `Book.classify`."""
        self._early.update(zip(positions, scores, strict=True))
        while (row := self._early.pop(self._next, None)) is not None:
            self._match.add(self._next + 1, row)
            self._next += self._step

    def reuse(self, position: int, source: int) -> None:
        """Never: every frame is classified."""
        raise AssertionError(f"the look at {position} must not be that at {source}")
