"""A goal, and whether the results of a run reach it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from benchmarks.statistics import Spread

Results = TypeVar("Results")


@dataclass(frozen=True, slots=True)
class Goal(Generic[Results]):
    """A bound on a figure."""

    title: str
    bound: float
    direction: Literal["at least", "at most"]
    unit: str
    """``×`` for ratios."""
    figure: Callable[[Results], Spread | None]
    """None where the run did not measure it."""


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Results]):
    """A goal and what was reached."""

    goal: Goal[Results]
    reached: Spread | None

    @property
    def holds(self) -> bool | None:
        """By the median; None where it was not measured."""
        if self.reached is None:
            return None
        if self.goal.direction == "at least":
            return self.reached.median >= self.goal.bound
        return self.reached.median <= self.goal.bound

    @property
    def line(self) -> str:
        """For the terminal."""
        goal = self.goal
        if self.reached is None:
            return f"  –    {goal.title}: not measured"
        sign = "≥" if goal.direction == "at least" else "≤"
        mark = "holds " if self.holds else "MISSED"
        reached = f"{self.reached.median:.3g} ({sign} {goal.bound:g}) {goal.unit}".rstrip()
        return f"{mark} {goal.title}: {reached}"

    @property
    def row(self) -> str:
        """Of a Markdown table with the columns of `TABLE_HEAD`; only where it was measured."""
        goal, reached = self.goal, self.reached
        assert reached is not None
        sign = "≥" if goal.direction == "at least" else "≤"
        unit = f" {goal.unit}" if goal.unit else ""
        return (
            f"| {goal.title} | {sign} {goal.bound:g}{unit} | {reached.median:.3g}{unit} "
            f"({reached.low:.3g} – {reached.high:.3g}) | {'✓' if self.holds else 'missed'} |"
        )


TABLE_HEAD = "| goal | wanted | reached (lowest – highest repeat) | |\n|---|--:|--:|---|"


def judged(goals: Sequence[Goal[Results]], results: Results) -> list[Verdict[Results]]:
    """One verdict for every goal."""
    return [Verdict(goal, goal.figure(results)) for goal in goals]


def table(verdicts: Sequence[Verdict[Results]]) -> str:
    """The goals that were measured, in Markdown; empty where none was."""
    rows = [verdict.row for verdict in verdicts if verdict.reached]
    return "\n".join([TABLE_HEAD, *rows]) if rows else ""
