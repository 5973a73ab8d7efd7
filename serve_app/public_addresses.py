"""Which addresses a URL that a client sends may lead to: those of the public internet only.

A service that fetches what a client names must not become the client's way into the network that
it stands in: its own ports, neighbours, or a cloud's metadata service (CWE-918).
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is assigned for global unicast (RFC 4291, section 2.4; IANA's registry)."""

_REFUSED_IPV4 = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890): NAT64 and DS-Lite live here
    IPv4Network("192.88.99.0/24"),  # relays from 6to4 (RFC 7526)
)
_REFUSED_IPV6 = (
    IPv6Network("2001::/23"),  # protocol assignments (RFC 2928), Teredo's embedded IPv4 among them
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address is embedded (RFC 3056)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
"""Beyond what `ipaddress` of every supported Python knows to be not global."""


def is_public(address: str) -> bool:
    """Whether an address is one host of the public internet, reached without translation.

    Refused are private, loopback, link-local, shared, multicast, reserved and documentation
    addresses, and every IPv6 address outside `_GLOBAL_UNICAST`. That covers the forms that carry
    an IPv4 address (IPv4-mapped ``::ffff:0:0/96``, NAT64 ``64:ff9b::/96`` and ``64:ff9b:1::/48``),
    which therefore cannot be used to say a refused IPv4 address in another way.

    Args:
        address: As `socket.getaddrinfo` gives it.

    Raises:
        ValueError: Not an IP address.
    """
    parsed = ip_address(address)
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        return False
    if isinstance(parsed, IPv6Address):
        return (
            parsed.scope_id is None
            and parsed in _GLOBAL_UNICAST
            and not any(parsed in network for network in _REFUSED_IPV6)
        )
    return not any(parsed in network for network in _REFUSED_IPV4)
