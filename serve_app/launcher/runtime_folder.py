"""The folder of one run: HAProxy's configuration and sockets, and Ray's session with its logs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serve_app.launcher import processes

# Not $TMPDIR: a Unix socket's path has at most 107 characters. Serve adds a 56-digit node id, and
# Ray "ray/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store".
_PARENT = Path("/tmp")  # noqa: S108 - mkdtemp makes the folder itself private
_PREFIX = "vigil-"
_OWNER = "launcher"


@dataclass(slots=True)
class RunFolder:
    """Where a run writes."""

    path: Path
    stays: bool = False

    def keep(self) -> None:
        """Leave it where it is, for those who look for what went wrong."""
        self.stays = True


@contextmanager
def runtime_folder() -> Iterator[RunFolder]:
    """A folder of this user alone, removed in the end; removes those of killed launchers too."""
    for owner in _PARENT.glob(f"{_PREFIX}*/{_OWNER}"):
        if owner.stat().st_uid == os.getuid() and processes.is_supervisor_gone(owner.read_text()):
            shutil.rmtree(owner.parent, ignore_errors=True)
    folder = RunFolder(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_PARENT)))
    owner = folder.path / _OWNER
    owner.write_text(processes.supervisor_tag())
    try:
        yield folder
    finally:
        if folder.stays:
            owner.unlink()
        else:
            shutil.rmtree(folder.path, ignore_errors=True)
