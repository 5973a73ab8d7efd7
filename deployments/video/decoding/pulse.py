"""Telling a decoder that works from one that hangs, by the processor time that it takes.

Wall-clock time alone cannot: on a busy machine a good decoder is slow, and one that waits for ever
looks the same.
"""

from __future__ import annotations

import os
import select
import socket
import time
from pathlib import Path

_LOOK_SECONDS = 0.5
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class StandstillError(Exception):
    """The process says nothing and does nothing."""


class OverworkedError(Exception):
    """The process has worked for too long without a word."""


class Pulse:
    """Waits for a process's next word, as long as it is alive.

    Args:
        pid: The process's.
        connection: What it speaks through.
        stall_seconds: Wall-clock time without a word and without any work.
    """

    def __init__(self, pid: int, connection: socket.socket, stall_seconds: float) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._stall_seconds = stall_seconds
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def wait(self, busy_seconds: float) -> None:
        """Return as soon as there is something to be read, be it the connection's end.

        Args:
            busy_seconds: Processor time that the process may take until then.

        Raises:
            StandstillError: See there.
            OverworkedError: See there.
        """
        if self._poll.poll(_LOOK_SECONDS * 1000):
            return
        first = worked = self._processor_seconds()
        since = time.monotonic()
        while not self._poll.poll(_LOOK_SECONDS * 1000):
            now = self._processor_seconds()
            if now - first > busy_seconds:
                raise OverworkedError
            if now > worked:
                worked, since = now, time.monotonic()
            elif time.monotonic() - since > self._stall_seconds:
                raise StandstillError

    def _processor_seconds(self) -> float:
        """Of all threads. A process that is gone has a connection that says so."""
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
