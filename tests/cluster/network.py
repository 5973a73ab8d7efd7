"""Hosts with addresses of their own on one machine: network namespaces on a switch of their own.

Nothing of it touches the machine's own network: the switch is a bridge in a namespace as well, so
the addresses exist in these namespaces only, and any number of networks can exist side by side.
Each host has its own ``/dev/shm`` and ``/tmp/ray``: nothing passes between hosts but packets.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SUBNET = "10.77.0"
_NAMESPACES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_OWN_FOLDERS = (Path("/tmp/ray"), Path("/tmp/haproxy-serve"))  # noqa: S108 - where Ray has its files


class NamespacesRefusedError(Exception):
    """This machine does not let this user make network namespaces."""


@dataclass(frozen=True)
class Host:
    """One host of a network."""

    network: str
    name: str
    address: str
    files: Path
    """Its own folders, and logs."""

    @property
    def shared_memory(self) -> Path:
        return _SHARED_MEMORY / self.network / self.name

    @property
    def namespace(self) -> str:
        return f"{self.network}-{self.name}"

    def command(self, *words: str) -> list[str]:
        """What runs a command on this host."""
        own = {self.files / folder.name: folder for folder in _OWN_FOLDERS}
        own[self.shared_memory] = _SHARED_MEMORY
        binds = [f"mount --bind '{source}' '{target}'" for source, target in own.items()]
        script = " && ".join([*binds, 'exec "$@"'])
        return ["ip", "netns", "exec", self.namespace, "sh", "-c", script, "sh", *words]

    def run(self, *words: str, environ: Mapping[str, str], seconds: float = 120) -> str:
        """Run a command to its end; what it leaves running ends with the network.

        Raises:
            AssertionError: It failed; the message carries its output.
        """
        with (self.files / "commands.log").open("a+") as log:
            # Into a file: what a command leaves running would keep a pipe open.
            start = log.tell()
            done = subprocess.run(
                self.command(*words),
                cwd=ROOT,
                env={**environ},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=seconds,
                start_new_session=True,
            )
            log.seek(start)
            output = log.read()
        assert done.returncode == 0, f"{self.name}: {' '.join(words)}\n{output[-4000:]}"
        return output

    def set_link(self, *, up: bool) -> None:
        """Plug its cable in, or pull it."""
        state = "up" if up else "down"
        _ip("-n", f"{self.network}-switch", "link", "set", "dev", self.name, state)

    def kill(self) -> None:
        """As a power failure: every process at once, without a word to anybody."""
        subprocess.run(
            [sys.executable, "-m", "tests.cluster.reaper", "--kill", self.namespace],
            cwd=ROOT,
            check=True,
        )

    @contextmanager
    def threads(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Threads of this process that are on this host's network."""
        descriptor = os.open(_NAMESPACES / self.namespace, os.O_RDONLY)
        try:
            with ThreadPoolExecutor(count, initializer=_enter, initargs=(descriptor,)) as pool:
                yield pool
        finally:
            os.close(descriptor)


@contextmanager
def network(names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Hosts by name, on one switch; at the end all their processes are killed and nothing is left.

    Should this process be killed, the reaper does the same.

    Raises:
        NamespacesRefusedError: See there.
    """
    own = f"vigil-{uuid.uuid4().hex[:8]}"
    files = Path(tempfile.mkdtemp(prefix=f"{own}-"))
    reaper = subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.reaper", own, files, _SHARED_MEMORY / own],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _add_namespace(f"{own}-switch")
        _ip("-n", f"{own}-switch", "link", "add", "switch", "type", "bridge")
        _ip("-n", f"{own}-switch", "link", "set", "switch", "up")
        yield {
            name: _add_host(Host(own, name, f"{_SUBNET}.{number}", files / name))
            for number, name in enumerate(names, start=1)
        }
    finally:
        assert reaper.stdin is not None
        reaper.stdin.close()
        assert reaper.wait(60) == 0


def _add_host(host: Host) -> Host:
    switch = f"{host.network}-switch"
    _add_namespace(host.namespace)
    ends = (
        "eth0",
        "netns",
        host.namespace,
        "type",
        "veth",
        "peer",
        "name",
        host.name,
        "netns",
        switch,
    )
    _ip("link", "add", *ends)
    _ip("-n", switch, "link", "set", "dev", host.name, "master", "switch", "up")
    _ip("-n", host.namespace, "link", "set", "lo", "up")
    _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", host.namespace, "link", "set", "eth0", "up")
    for folder in _OWN_FOLDERS:
        folder.mkdir(exist_ok=True)
        (host.files / folder.name).mkdir(parents=True)
    host.shared_memory.mkdir(parents=True)
    return host


def _add_namespace(name: str) -> None:
    try:
        _ip("netns", "add", name)
    except AssertionError as error:
        raise NamespacesRefusedError(
            "The cluster tests need network namespaces, and this machine refuses them. Run them as "
            f"root, in a container with CAP_SYS_ADMIN, or leave them out: -m 'not cluster'. {error}"
        ) from None


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
