"""Paths, folders and URLs as they were given → the files to classify, in a fixed order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2"),
        *(".webm", ".mkv", ".avi", ".flv", ".wmv", ".ogv", ".ogm"),
        *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg"),
    }
)
"""What is offered to the service as a video first; the service decides what a file is."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one URL."""

    name: str
    """As it is reported: the path below what was given, or the URL."""
    path: Path | None
    size: int = 0
    """Bytes; 0 of a URL, whose size is not known."""
    modified_ns: int = 0

    @property
    def looks_like_video(self) -> bool:
        """Whether its name says so."""
        return self.path is not None and self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(slots=True)
class Found:
    """What there is to do."""

    sources: list[Source] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Names that cannot be read, and why."""
    hidden: int = 0
    """Files and folders in folders whose names begin with a dot; they are left out."""
    folders: int = 0
    """Folders in folders that are left out, because it is not recursive."""


def find(given: Sequence[str], *, recursive: bool) -> Found:
    """The files behind what was given; folders by name, files that come twice once.

    Files are never left out for what they are: a name says little, and what is left out in silence
    would pass for harmless.

    Args:
        given: Paths and URLs.
        recursive: Look into folders of folders.
    """
    found = Found()
    seen: set[str] = set()
    for text in given:
        for source in _expand(text, found, recursive=recursive):
            if source.name not in seen:
                seen.add(source.name)
                found.sources.append(source)
    return found


def _expand(text: str, found: Found, *, recursive: bool) -> Iterator[Source]:
    if text.startswith(("http://", "https://")):
        yield Source(text, None)
        return
    path = Path(text)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        found.failures.append((text, _reason(error)))
        return
    yield from _folder(path, found, recursive=recursive) if is_folder else _file(path, found)


def _folder(folder: Path, found: Found, *, recursive: bool) -> Iterator[Source]:
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        found.failures.append((str(folder), _reason(error)))
        return
    for entry in ordered:
        if entry.name.startswith("."):
            found.hidden += 1
        elif not entry.is_dir():
            yield from _file(folder / entry.name, found)
        elif not recursive or entry.is_symlink():  # links between folders may go round in circles
            found.folders += 1
        else:
            yield from _folder(folder / entry.name, found, recursive=True)


def _file(path: Path, found: Found) -> Iterator[Source]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            found.failures.append((str(path), "It is not a regular file."))
            return
    except OSError as error:
        found.failures.append((str(path), _reason(error)))
        return
    yield Source(str(path), path, facts.st_size, facts.st_mtime_ns)


def _reason(error: OSError) -> str:
    return f"It cannot be read: {error.strerror or error}."
