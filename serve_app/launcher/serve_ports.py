"""Serve's own ports, apart from those of every other service on the machine.

Behind HAProxy each ingress replica listens on a port that Serve takes from 30000 upwards, with
``SO_REUSEPORT``. A second Serve on the machine starts at the same port and binds it as well,
without an error, and the kernel then hands requests of the one service to the other: answers of a
wrong model, with status 200 (seen with Ray 2.60). So every service here gets a block of its own.
"""

from __future__ import annotations

from serve_app.launcher import ports

_INTERNAL_PORTS = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
}
"""Serve's fixed ports (ray/serve/_private/constants.py, 2.60); a second Serve here takes others."""

_BLOCK = 100
"""Ports of one service on one machine: more ingress replicas than a machine has cores."""
_BLOCKS = 50
_HTTP_FROM = 20_000
_GRPC_FROM = _HTTP_FROM + _BLOCK * _BLOCKS
"""Between Ray's worker ports, which end at 19999, and the ports that Linux gives to clients."""


def service_port_variables(http_port: int) -> dict[str, str]:
    """Environment variables that keep a service's ports apart from all others'.

    Args:
        http_port: As for `replica_port_variables`.

    Raises:
        PortUnavailableError: As `replica_port_variables`.
    """
    # From 8000 on, the default, the search begins at Serve's own ports.
    offset = http_port % _BLOCKS
    internal = {
        name: str(ports.first_free(port + offset)) for name, port in _INTERNAL_PORTS.items()
    }
    return internal | replica_port_variables(http_port)


def replica_port_variables(http_port: int) -> dict[str, str]:
    """Environment variables that give a service its block.

    Args:
        http_port: Where the service listens. It decides where the search for a block begins, so
            that two services that start at the same moment do not find the same one free.

    Raises:
        PortUnavailableError: There are listeners in every block.
    """
    return {
        f"RAY_SERVE_DIRECT_INGRESS_{bound}_{protocol}_PORT": str(port)
        for protocol, first in (("HTTP", _HTTP_FROM), ("GRPC", _GRPC_FROM))
        for bound, port in zip(("MIN", "MAX"), _free_block(first, http_port), strict=True)
    }


def _free_block(first: int, http_port: int) -> tuple[int, int]:
    for step in range(_BLOCKS):
        start = first + (http_port + step) % _BLOCKS * _BLOCK
        if all(ports.is_free("", port) for port in range(start, start + _BLOCK)):
            return start, start + _BLOCK
    raise ports.PortUnavailableError(f"No {_BLOCK} ports in a row are free from {first} on.")
