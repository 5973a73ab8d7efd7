"""Which TCP ports are free, asked before anything is started."""

from __future__ import annotations

import errno
import socket

_ANY_HOSTS = {"", "*", "0.0.0.0", "::"}  # noqa: S104 - compared with, never bound
_SEARCH_LENGTH = 1000


class PortUnavailableError(Exception):
    """The service cannot listen where its configuration says; the message is for the operator."""


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there.

    Raises:
        PortUnavailableError: No server of this user on this machine ever could.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: an earlier run's connections in TIME_WAIT are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("" if host in _ANY_HOSTS else host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise PortUnavailableError(
                f"The service cannot listen on {host}:{port}: {error.strerror}."
            ) from error
    return True


def require_free(host: str, port: int) -> None:
    """Checks the port that clients use.

    Raises:
        PortUnavailableError: Another program listens there, or none could.
    """
    if not is_free(host, port):
        raise PortUnavailableError(
            f"Port {port} is taken by another program. End that program, "
            f"or change http_options.port in the configuration."
        )


def first_free(wanted: int) -> int:
    """The first free port from ``wanted`` upwards, for listeners that no client knows by number.

    Raises:
        PortUnavailableError: None of the next thousand is free.
    """
    for port in range(wanted, min(wanted + _SEARCH_LENGTH, 65536)):
        if is_free("", port):
            return port
    raise PortUnavailableError(f"No port is free from {wanted} on.")
