"""What the commands that ask a service end with."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Errors win: where something is flagged and something else failed, the status is `FAILED`."""

    NOTHING_FLAGGED = 0
    FLAGGED = 1
    FAILED = 2
    INTERRUPTED = 130
    """By Ctrl-C: 128 and the signal's number, as shells have it."""
