"""The launcher's private folder for HAProxy's configuration and sockets."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serve_app.launcher import processes

# Not $TMPDIR: a Unix socket's path has at most 107 characters, and Serve adds a 56-digit node id.
_PARENT = Path("/tmp")  # noqa: S108 - mkdtemp makes the folder itself private
_PREFIX = "vigil-"
_OWNER = "launcher"


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """A folder of this user alone, removed in the end; removes those of killed launchers too."""
    for owner in _PARENT.glob(f"{_PREFIX}*/{_OWNER}"):
        if owner.stat().st_uid == os.getuid() and processes.is_supervisor_gone(owner.read_text()):
            shutil.rmtree(owner.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=_PREFIX, dir=_PARENT, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        (folder / _OWNER).write_text(processes.supervisor_tag())
        yield folder
