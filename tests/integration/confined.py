"""A command as the container runs it: another user, no capabilities, nothing writable but /tmp.

Docker's own means, without Docker: a mount namespace in which everything is read-only (`read_only`,
`tmpfs`), a user of its own (`USER 10001`), no capability and no way to get one (`cap_drop`,
`no-new-privileges`). The network is the machine's, so that a test reaches the service.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.integration.service import ROOT

USER = 10001
TMP = Path("/tmp")  # noqa: S108 - of the namespace alone
_TOOLS = ("unshare", "setpriv", "mount", "findmnt")
_KEPT_WRITABLE = ("/proc", "/sys", "/dev")
"""By other means than the mount flag: they hold no files, or belong to root."""


def why_not() -> str | None:
    """What is missing here to confine anything; None: nothing."""
    if os.geteuid() != 0:
        return "mount namespaces and another user need root"
    missing = [name for name in _TOOLS if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def confined(command: Sequence[str], config: str) -> list[str]:
    """The command line that runs a command so.

    Args:
        command: What to run, in the root of this repository.
        config: Text that it finds in ``/tmp/serve_config.yaml``.
    """
    hidden = sorted({_hidden_above(Path(path)) for path in _needed()} - {None} | {TMP})
    steps = ["set -eu", "hold=/srv", 'mount -t tmpfs -o mode=755 tmpfs "$hold"']
    for index, path in enumerate(_needed()):
        steps += [f'mkdir "$hold/{index}"', f'mount --rbind {shlex.quote(path)} "$hold/{index}"']
    for folder in hidden:
        mode = "1777" if folder == TMP else "755"
        # In its place a folder that others may go through, and that holds what is needed only.
        steps.append(f"mount -t tmpfs -o mode={mode},size=4g tmpfs {shlex.quote(str(folder))}")
    for index, path in enumerate(_needed()):
        if any(Path(path).is_relative_to(folder) for folder in hidden):
            steps.append(f"mkdir -p {shlex.quote(path)}")
            steps.append(f'mount --rbind "$hold/{index}" {shlex.quote(path)}')
    kept = "|".join(f"{path}|{path}/*" for path in _KEPT_WRITABLE)
    steps += [
        "findmnt -rn -o TARGET | while read -r target; do",
        '  [ -e "$target" ] || continue  # hidden by now',
        f'  case "$target" in /tmp|{kept}) ;;',
        '  *) mount -o remount,bind,ro "$target" ;; esac',
        "done",
        "umask 022",
        f"printf %s {shlex.quote(config)} >/tmp/serve_config.yaml",
        f"cd {shlex.quote(str(ROOT))}",
        f"exec setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs "
        f"--bounding-set=-all --inh-caps=-all -- {shlex.join(command)}",
    ]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(steps)]


def _needed() -> list[str]:
    return [str(ROOT), str(Path(sys.base_prefix).resolve())]


def _hidden_above(path: Path) -> Path | None:
    """The highest folder above a path that others may not go through."""
    for folder in (*reversed(path.parents), path):
        if folder == TMP or not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None
