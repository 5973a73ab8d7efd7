"""The file of ``--resume``: a line for each outcome, so that a run that is cut short can go on.

The first line says what was asked. A line is written as soon as its file is done; a last line that
was cut short is dropped. Problems of the file itself are kept; where the service or the network
failed, the file is done again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ValidationError

from vigil_cli.classify.outcome import Outcome
from vigil_cli.classify.sources import Source

_KEPT_STATUSES = frozenset({413, 415, 422})


class JournalError(Exception):
    """The file cannot be gone on with; the message says why."""


class Asked(BaseModel):
    """What has to be the same in every run that writes to one journal."""

    format: int = 1
    model: str
    """The name that was asked for, the service's default where none was given."""
    labels: tuple[str, ...] | None
    threshold: float


class Journal:
    """Outcomes of earlier runs, and where those of this one go.

    Args:
        file: Open for reading and writing.
        asked: What this run asks.

    Raises:
        JournalError: The file is another one's, or of a run that asked something else.
    """

    def __init__(self, file: BinaryIO, asked: Asked) -> None:
        self._file = file
        self.done: Mapping[str, Outcome] = self._read(asked)
        """By name of the file."""

    def outcome_of(self, source: Source) -> Outcome | None:
        """What an earlier run found out about a file that has not changed since."""
        outcome = self.done.get(source.name)
        if outcome is None or not outcome.is_of(source):
            return None
        kept = outcome.problem is None or outcome.problem.status in _KEPT_STATUSES
        return outcome if kept else None

    def write(self, outcome: Outcome) -> None:
        """Add a line; it is in the file when this returns, whatever happens to this process."""
        self._file.write(outcome.model_dump_json(exclude_unset=True).encode() + b"\n")
        self._file.flush()

    def _read(self, asked: Asked) -> dict[str, Outcome]:
        content = self._file.read()
        if not content:
            self._file.write(asked.model_dump_json().encode() + b"\n")
            self._file.flush()
            return {}
        complete, _, _ = content.rpartition(b"\n")
        head, *lines = complete.split(b"\n")
        try:
            before = Asked.model_validate_json(head)
            outcomes = [Outcome.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise JournalError("it is not a file that this command wrote") from error
        if before != asked:
            raise JournalError(
                f"it belongs to a run with another question (model {before.model}, labels "
                f"{', '.join(before.labels or ()) or 'flagged'}, threshold {before.threshold:g})"
            )
        self._file.seek(len(complete) + 1)
        self._file.truncate()
        return {outcome.file: outcome for outcome in outcomes}


@contextmanager
def open_journal(path: Path, asked: Asked) -> Iterator[Journal]:
    """The journal in a file, which is made where it is missing; nobody else may write to it.

    Raises:
        JournalError: The file cannot be used.
        OSError: It cannot be opened.
    """
    # Readable for its owner alone: it tells what somebody's files show.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError("another run writes to it at the moment") from None
        yield Journal(file, asked)
