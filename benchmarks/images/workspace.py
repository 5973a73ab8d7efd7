"""What a run needs on the disk: files, checkpoints, references. Made once, kept between runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.images import files
from benchmarks.images.agreement import References
from benchmarks.images.reference import ZERO
from benchmarks.images.scenarios import FileSet
from benchmarks.load import File
from benchmarks.machine import ROOT
from benchmarks.model_kind import ModelKind

_RECIPE = "1"
"""Part of the names: count it up when a model's recipe changes."""


class Workspace:
    """A directory that can be thrown away at any time.

    torch is only used in child processes: this one holds the client, which must stay small.

    Args:
        directory: Where things lie.
        sets: The sets of files that are needed.
    """

    def __init__(self, directory: Path, sets: Sequence[FileSet]) -> None:
        self._directory = directory
        # The calibration of the models needs the JPEGs whatever is sent.
        needed = tuple(dict.fromkeys(("jpeg", *sets)))
        self.files: Mapping[FileSet, list[File]] = files.make(directory, needed)
        self._paths = {
            name: [directory / f"{name}-{files.RECIPE}" / file.name for file in members]
            for name, members in self.files.items()
        }

    def paths(self, name: FileSet) -> list[Path]:
        """Where the files of a set lie."""
        return self._paths[name]

    def log(self, name: str) -> Path:
        """Where a server's output goes."""
        logs = self._directory / "logs"
        logs.mkdir(exist_ok=True)
        return logs / f"{name}.log"

    def checkpoint(self, kind: ModelKind) -> Path:
        """The model's directory, made if need be; none is made for ``zero``."""
        place = self._directory / f"{kind.checkpoint}-{_RECIPE}"
        if kind.checkpoint != "zero" and not place.exists():
            unfinished = place.with_suffix(".unfinished")
            pictures = self._paths["jpeg"]
            _python("benchmarks.models", kind.checkpoint, unfinished, *pictures)
            unfinished.rename(place)
        return place

    def references(self, kind: ModelKind, name: FileSet) -> References:
        """The pipeline's scores, computed if need be."""
        place = self._directory / f"{kind.checkpoint}-{_RECIPE}-{name}-{files.RECIPE}.json"
        if not place.exists():
            model = ZERO if kind.checkpoint == "zero" else self.checkpoint(kind)
            unfinished = place.with_suffix(".unfinished")
            _python("benchmarks.images.reference", model, unfinished, *self._paths[name])
            unfinished.rename(place)
        references: References = json.loads(place.read_text())
        return references


def _python(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, check=True)
