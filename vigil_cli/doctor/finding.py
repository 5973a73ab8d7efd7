"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much it matters."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    severity: Severity
    text: str
    """What was found, in a sentence."""
    remedy: str = ""
    """What to do about it, in a sentence."""


def good(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, Severity.GOOD, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """It works, but not well, or not for long."""
    return Finding(subject, Severity.WARNING, text, remedy)


def bad(subject: str, text: str, remedy: str) -> Finding:
    """The service will not start, or not answer."""
    return Finding(subject, Severity.BAD, text, remedy)
