"""Outcomes → a table, CSV or JSON, in the order of the files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from enum import Enum
from typing import Protocol, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vigil_cli.classify.outcome import FlagRule, Outcome
from vigil_client.models import ImageMedia, VideoMedia


class Output(Enum):
    """What goes to the standard output."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Report(Protocol):
    """Writes outcomes."""

    def add(self, outcome: Outcome) -> None:
        """The next one."""

    def end(self) -> None:
        """There are no more."""


class CsvReport:
    """A row for each file: verdict, facts, problem, and a column for each label's score.

    Scores stand as the service told them, in full. A cell is empty where the answer has nothing: a
    file that failed, a label that was not looked for in a video.

    Args:
        output: Where it goes.
        rule: What counts as flagged.
        labels: The columns; None: those of the first image, so that rows before it wait for it.
    """

    COLUMNS = (
        "file",
        "flagged",
        "type",
        "format",
        "width",
        "height",
        "frames",
        "duration_seconds",
        "problem",
        "detail",
    )

    def __init__(self, output: TextIO, rule: FlagRule, labels: Sequence[str] | None) -> None:
        self._writer = csv.writer(output, lineterminator="\n")
        self._rule = rule
        self._labels = labels
        self._held: list[Outcome] = []
        self._begun = False

    def add(self, outcome: Outcome) -> None:
        """The next one."""
        if self._labels is None and outcome.image is not None:
            self._labels = sorted(outcome.scores)
        self._held.append(outcome)
        if self._labels is not None:
            self._write()

    def end(self) -> None:
        """There are no more."""
        if self._labels is None:
            self._labels = sorted({label for outcome in self._held for label in outcome.scores})
        self._write()

    def _write(self) -> None:
        labels = self._labels or ()
        if not self._begun:
            self._begun = True
            self._writer.writerow([*self.COLUMNS, *(f"score:{label}" for label in labels)])
        for outcome in self._held:
            self._writer.writerow([*self._cells(outcome), *_scores(outcome, labels)])
        self._held.clear()

    def _cells(self, outcome: Outcome) -> list[str]:
        flagged = self._rule.is_flagged(outcome)
        cells = [outcome.file, "" if flagged is None else str(flagged).lower()]
        cells += _facts(outcome)
        problem = outcome.problem
        return cells + ([problem.code or problem.type, problem.detail] if problem else ["", ""])


class JsonReport:
    """A JSON object a line: the file's name, the verdict, and the service's answer as it was.

    Args:
        output: Where it goes.
        rule: What counts as flagged.
    """

    def __init__(self, output: TextIO, rule: FlagRule) -> None:
        self._output = output
        self._rule = rule

    def add(self, outcome: Outcome) -> None:
        """The next one."""
        members = outcome.model_dump(
            mode="json", exclude_unset=True, exclude={"size", "modified_ns"}
        )
        flagged = {"flagged": self._rule.is_flagged(outcome)}
        self._output.write(json.dumps({"file": outcome.file, **flagged, **members}) + "\n")

    def end(self) -> None:
        """Nothing is left to do."""


class TableReport:
    """For people: what is flagged and what failed stands out.

    Args:
        console: Where it goes.
        rule: What counts as flagged.
    """

    def __init__(self, console: Console, rule: FlagRule) -> None:
        self._console = console
        self._rule = rule
        self._table = Table("", "file", "what", "highest scores")

    def add(self, outcome: Outcome) -> None:
        """The next one."""
        if outcome.problem is not None:
            row = (Text("FAILED", "yellow"), Text(outcome.problem.detail, "yellow"), Text())
        else:
            flagged = self._rule.is_flagged(outcome)
            verdict = Text("FLAGGED", "bold red") if flagged else Text("fine", "green")
            row = (verdict, Text(_description(outcome)), Text(_highest(outcome)))
        self._table.add_row(row[0], Text(outcome.file), *row[1:])

    def end(self) -> None:
        """Write it."""
        self._console.print(self._table)


def _scores(outcome: Outcome, labels: Sequence[str]) -> list[str]:
    scores = outcome.scores
    return [repr(scores[label]) if label in scores else "" for label in labels]


def _facts(outcome: Outcome) -> list[str]:
    answer = outcome.image or outcome.video
    if answer is None:
        return [""] * 6
    media: ImageMedia | VideoMedia = answer.media
    form = media.format if isinstance(media, ImageMedia) else media.container
    seconds = "" if media.duration_seconds is None else repr(media.duration_seconds)
    return [media.type, form, str(media.width), str(media.height), str(media.frames), seconds]


def _description(outcome: Outcome) -> str:
    kind, form, width, height, _, seconds = _facts(outcome)
    return f"{kind} {form} {width}×{height}" + (f", {float(seconds):.1f} s" if seconds else "")


def _highest(outcome: Outcome) -> str:
    ordered = sorted(outcome.scores.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{label} {score:.3f}" for label, score in ordered[:3])
