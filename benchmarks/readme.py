"""Sections of documents that are written from committed results files.

A section stands between ``<!-- benchmarks: NAME -->`` and ``<!-- /benchmarks: NAME -->``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import ROOT, Commit, Machine

README = ROOT / "README.md"


@dataclass(frozen=True, slots=True)
class Section:
    """One section of one document."""

    name: str
    document: Path
    text: Callable[[], str]
    """What stands between the markers, from the committed results."""

    @property
    def markers(self) -> tuple[str, str]:
        """The lines around the section."""
        return f"<!-- benchmarks: {self.name} -->", f"<!-- /benchmarks: {self.name} -->"

    def replaced(self, document: str, text: str) -> str:
        """The document with another text between the markers.

        Raises:
            ValueError: The markers are not there exactly once, in order.
        """
        begin, end = self.markers
        if document.count(begin) != 1 or document.count(end) != 1:
            raise ValueError(f"the document must have {begin} and {end} once each")
        head, rest = document.split(begin)
        _, separator, tail = rest.partition(end)
        if not separator:
            raise ValueError(f"{end} must come after {begin}")
        return f"{head}{begin}\n\n{text}\n\n{end}{tail}"

    @property
    def is_current(self) -> bool:
        """Whether the document says what the committed results say."""
        before = self.document.read_text(encoding="utf-8")
        return before == self.replaced(before, self.text())

    def write(self) -> None:
        """Bring the document up to date."""
        before = self.document.read_text(encoding="utf-8")
        self.document.write_text(self.replaced(before, self.text()), encoding="utf-8")


def require_quotable(quick: bool, commit: Commit) -> None:
    """Refuse to quote a run that proves nothing.

    Raises:
        ValueError: A quick run, or one of a commit that cannot be looked up.
    """
    if quick:
        raise ValueError("a quick run proves nothing and is not quoted")
    if commit.modified:
        raise ValueError("the run measured files that differ from its commit, and is not quoted")


def measured_on(date: str, commit: Commit, machine: Machine, packages: str) -> str:
    """Where and when a run was made; the beginning of a sentence."""
    return (
        f"Measured on {date} at commit `{commit.hash[:12]}` on {machine.cores} "
        f"cores of {machine.cpu} ({machine.memory_bytes / 2**30:.0f} GiB, Python {machine.python}, "
        f"{packages})"
    )


def main(*sections: Section) -> int:
    """Rewrite the sections, or with ``--check`` say whether they are up to date.

    Returns:
        0, or 1 where ``--check`` found another text.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        for section in sections:
            section.write()
        return 0
    old = [section for section in sections if not section.is_current]
    for section in old:
        print(
            f"{section.document.name}: the section {section.name!r} is not what the "
            "results file says"
        )
    return int(bool(old))
