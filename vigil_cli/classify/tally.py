"""How many files were flagged, fine, and failed; and so what the command ends with."""

from __future__ import annotations

from vigil_cli.classify.outcome import FlagRule, Outcome
from vigil_cli.exit_status import ExitStatus


class Tally:
    """Counts outcomes.

    Args:
        rule: What counts as flagged.
    """

    def __init__(self, rule: FlagRule) -> None:
        self._rule = rule
        self.flagged = self.fine = self.failed = 0

    def add(self, outcome: Outcome) -> None:
        """One more. An outcome without a verdict is a failure, never good news."""
        match self._rule.is_flagged(outcome):
            case True:
                self.flagged += 1
            case False:
                self.fine += 1
            case None:
                self.failed += 1

    @property
    def status(self) -> ExitStatus:
        """What the command ends with."""
        if self.failed:
            return ExitStatus.FAILED
        return ExitStatus.FLAGGED if self.flagged else ExitStatus.NOTHING_FLAGGED

    def summary(self) -> str:
        """A sentence."""
        return f"{self.flagged} flagged, {self.fine} fine, {self.failed} failed."
