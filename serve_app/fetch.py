"""Media that a client names by URL, fetched so that only the public internet can be reached.

The host is resolved once, every address that it has is judged, and the connection goes to one of
those that were judged: a name that resolves to something else a moment later (DNS rebinding)
gains nothing. Redirects are refused, because each would have to be judged again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx2

from deployments.errors import MediaTooLargeError, UnreachableUrlError
from serve_app.public_addresses import is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to its addresses; an `OSError` where it has none."""

_CONNECT_SECONDS = 5.0
"""For one of several addresses, so that one that does not answer leaves time for the next."""

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What fetching one file may cost."""

    max_bytes: int
    max_seconds: float
    """From looking up the host's name to the file's last byte."""


async def resolve(host: str, port: int) -> list[str]:
    """The system's resolver; see `Resolve`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Fetcher:
    """Fetches files by URL.

    Args:
        limits: What one file may cost.
        resolve: Looks host names up.
        may_connect: Judges an address.
        tls: Which certificates are trusted; None: those that httpx2 trusts.
        transport: Opens connections, without proxies; None: httpx2's own.
    """

    def __init__(
        self,
        limits: FetchLimits,
        *,
        resolve: Resolve = resolve,
        may_connect: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._limits = limits
        self._resolve = resolve
        self._may_connect = may_connect
        self._tls = tls or httpx2.create_ssl_context()  # once: it reads all certificates
        self._transport = transport

    async def fetch(self, url: str, reserve: Callable[[int], None]) -> bytearray:
        """The file's bytes, whatever they are.

        Args:
            url: ``http`` or ``https``, without a user name.
            reserve: Called with the number of bytes that are about to be held, before they are.

        Raises:
            UnreachableUrlError: A URL of another kind, an address that is not public, a redirect,
                an error status, or no answer in time.
            MediaTooLargeError: More bytes than allowed, announced or sent.
        """
        target = _parsed(url)
        try:
            async with asyncio.timeout(self._limits.max_seconds):
                return await self._first(target, await self._addresses(target), reserve)
        except TimeoutError as error:
            raise UnreachableUrlError(
                f"The URL did not give the whole file within {self._limits.max_seconds:g} seconds."
            ) from error
        except httpx2.HTTPError as error:
            raise UnreachableUrlError(
                "The URL cannot be fetched: its server cannot be reached, or broke off."
            ) from error

    async def _addresses(self, url: httpx2.URL) -> Sequence[str]:
        host = url.raw_host.decode("ascii")
        try:
            addresses = await self._resolve(host, url.port or _PORTS[url.scheme])
        except (OSError, UnicodeError) as error:
            raise UnreachableUrlError("The URL's host is not known.") from error
        # One that is refused among several refuses them all: no honest host has such a mixture.
        if not addresses or not all(map(self._may_connect, addresses)):
            raise UnreachableUrlError("The URL's host has no public address, so it is not fetched.")
        return addresses

    async def _first(
        self, url: httpx2.URL, addresses: Sequence[str], reserve: Callable[[int], None]
    ) -> bytearray:
        """From the first address that takes a connection."""
        # Without the environment: a proxy would resolve and connect by itself.
        async with httpx2.AsyncClient(
            transport=self._transport,
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(self._limits.max_seconds, connect=_CONNECT_SECONDS),
        ) as client:
            for address in addresses[:-1]:
                try:
                    return await self._from(client, url, address, reserve)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
            return await self._from(client, url, addresses[-1], reserve)

    async def _from(
        self,
        client: httpx2.AsyncClient,
        url: httpx2.URL,
        address: str,
        reserve: Callable[[int], None],
    ) -> bytearray:
        request = client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            # TLS asks for the name, and checks the certificate for it, not for the address.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        response = await client.send(request, stream=True)
        try:
            return await self._read(response, reserve)
        finally:
            await response.aclose()

    async def _read(self, response: httpx2.Response, reserve: Callable[[int], None]) -> bytearray:
        if response.is_redirect:
            raise UnreachableUrlError(
                "The URL redirects, which is not followed; give the address that it leads to."
            )
        if response.status_code != 200:
            raise UnreachableUrlError(
                f"The URL's server answered with the status {response.status_code}."
            )
        announced = response.headers.get("content-length", "0")
        if not announced.isdecimal():
            raise UnreachableUrlError("The URL's server announced no sensible length.")
        self._check(int(announced))
        reserve(int(announced))
        body = bytearray()
        async for chunk in response.aiter_raw():
            self._check(len(body) + len(chunk))
            reserve(max(int(announced), len(body) + len(chunk)))
            body += chunk
        return body  # not copied: it may be a gigabyte

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limits.max_bytes:
            raise MediaTooLargeError(
                f"The file has {size_bytes} bytes or more; at most {self._limits.max_bytes} are "
                "allowed."
            )


def _parsed(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise UnreachableUrlError("The URL is not a URL.") from error
    if parsed.scheme not in _PORTS or not parsed.host:
        raise UnreachableUrlError("Only URLs with http:// or https:// and a host are fetched.")
    if parsed.port is not None and not 0 < parsed.port < 2**16:
        raise UnreachableUrlError("The URL's port does not exist.")
    if parsed.userinfo:
        raise UnreachableUrlError("A URL with a user name or password is not fetched.")
    return parsed
