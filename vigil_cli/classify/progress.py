"""The progress bar of `vigil classify`, on the standard error and only at a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vigil_cli.classify.tally import Tally

_REFRESHES_PER_SECOND = 4
"""Drawing costs processor time, which the service may need on the same machine."""


class RunProgress:
    """A bar over all files, with what was found so far.

    Args:
        console: Where it is drawn.
        files: How many there are.
    """

    def __init__(self, console: Console, files: int) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Classifying", total=files, counts="")

    def __enter__(self) -> Self:
        """Draw from now on."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw no more."""
        self._progress.stop()

    def advance(self, tally: Tally) -> None:
        """One file more is done."""
        counts = f"{tally.flagged} flagged, {tally.failed} failed"
        self._progress.update(self._task, advance=1, counts=counts)

    def waiting(self, waits: bool) -> None:
        """The service is away, or back."""
        description = "Waiting for the service" if waits else "Classifying"
        self._progress.update(self._task, description=description)
        if waits and self._progress.disable:
            self._console.print("vigil: waiting for the service …", highlight=False)
