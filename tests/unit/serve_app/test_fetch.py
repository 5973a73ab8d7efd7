"""Fetching by URL, against servers on loopback that the test lets through."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployments.errors import MediaTooLargeError, OverloadedError, UnreachableUrlError
from serve_app.fetch import Fetcher, FetchLimits, resolve

from .web import Answer, answer, chunked, serving

LIMITS = FetchLimits(max_bytes=1000, max_seconds=20)


class Resolver:
    """Knows the address of every name, and counts how often it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses or ("127.0.0.1",)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.addresses


class Reserved(list[int]):
    """The totals that were set aside."""

    def __call__(self, total: int) -> None:
        self.append(total)


def lenient(limits: FetchLimits = LIMITS, resolver: Resolver | None = None) -> Fetcher:
    """A fetcher that may reach loopback, as the tests' servers are there."""
    return Fetcher(
        limits,
        resolve=resolver or Resolver(),
        may_connect=lambda address: ipaddress.ip_address(address).is_loopback,
    )


async def fetch(
    write: Answer, limits: FetchLimits = LIMITS, url: str = "http://vigil.test"
) -> bytearray:
    async with serving(write) as web:
        return await lenient(limits).fetch(f"{url}:{web.port}/a", Reserved())


@pytest.mark.parametrize("write", [answer(b"data" * 250), chunked(b"data" * 200, b"data" * 50)])
async def test_a_file_comes_as_it_is(write: Answer) -> None:
    assert await fetch(write) == b"data" * 250


async def test_the_name_is_resolved_once_and_asked_for_in_the_request() -> None:
    resolver = Resolver()
    async with serving(answer(b"x")) as web:
        fetcher = lenient(resolver=resolver)
        assert await fetcher.fetch(f"http://vigil.test:{web.port}/a%20b?c=d#e", Reserved()) == b"x"
        head, *headers = web.requests[0].splitlines()
        assert head == "GET /a%20b?c=d HTTP/1.1"
        assert f"Host: vigil.test:{web.port}" in headers
        assert "Accept-Encoding: identity" in headers
        assert resolver.asked == [("vigil.test", web.port)]


async def test_of_several_addresses_the_first_that_takes_a_connection_is_used() -> None:
    async with serving(answer(b"x"), "127.0.0.2") as web:
        fetcher = lenient(resolver=Resolver("127.0.0.1", "127.0.0.2"))
        assert await fetcher.fetch(f"http://vigil.test:{web.port}/", Reserved()) == b"x"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        [],
    ],
)
async def test_a_host_with_any_address_that_is_not_public_is_not_connected_to(
    addresses: list[str],
) -> None:
    async def found(host: str, port: int) -> Sequence[str]:
        return addresses

    async with serving(answer(b"secret")) as web:
        fetcher = Fetcher(LIMITS, resolve=found)
        with pytest.raises(UnreachableUrlError, match="no public address"):
            await fetcher.fetch(f"http://vigil.test:{web.port}/", Reserved())
        assert web.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost", "[::1]"]
)
async def test_loopback_is_refused_in_every_spelling(host: str) -> None:
    async with serving(answer(b"secret")) as web:
        with pytest.raises(UnreachableUrlError):
            await Fetcher(LIMITS).fetch(f"http://{host}:{web.port}/", Reserved())
        assert web.requests == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
async def test_redirects_are_refused(status: str) -> None:
    with pytest.raises(UnreachableUrlError, match="redirects"):
        await fetch(answer(status=status, headers="Location: http://127.0.0.1/\r\n"))


@pytest.mark.parametrize("status", ["204 No Content", "206 Part", "404 Not Found", "500 Oh"])
async def test_only_status_200_carries_the_file(status: str) -> None:
    with pytest.raises(UnreachableUrlError, match=f"status {status[:3]}"):
        await fetch(answer(status=status))


async def test_an_announced_length_over_the_limit_is_refused_before_anything_is_held() -> None:
    reserved = Reserved()
    async with serving(answer(b"", length=1001)) as web:
        with pytest.raises(MediaTooLargeError, match="1000"):
            await lenient().fetch(f"http://vigil.test:{web.port}/", reserved)
    assert reserved == []


async def test_a_length_over_the_limit_that_was_not_announced_is_noticed() -> None:
    with pytest.raises(MediaTooLargeError):
        await fetch(chunked(b"x" * 600, b"x" * 401))


async def test_bytes_are_reserved_before_they_are_held() -> None:
    for write, most in ((answer(b"x" * 900), 900), (chunked(b"x" * 500, b"x" * 400), 900)):
        reserved = Reserved()
        async with serving(write) as web:
            await lenient().fetch(f"http://vigil.test:{web.port}/", reserved)
        assert reserved[-1] == most
        assert sorted(reserved) == reserved


async def test_a_service_that_is_full_does_not_fetch() -> None:
    def full(total: int) -> None:
        raise OverloadedError("Full.")

    async with serving(answer(b"x" * 900)) as web:
        with pytest.raises(OverloadedError):
            await lenient().fetch(f"http://vigil.test:{web.port}/", full)


async def test_a_file_that_breaks_off_is_no_file() -> None:
    with pytest.raises(UnreachableUrlError, match="broke off"):
        await fetch(answer(b"x" * 10, length=900))


async def test_an_answer_that_is_not_http_is_refused() -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    with pytest.raises(UnreachableUrlError):
        await fetch(write)


async def test_a_server_that_does_not_finish_is_given_up() -> None:
    gate = asyncio.Event()

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
        await writer.drain()
        await gate.wait()

    async with serving(write) as web:
        with pytest.raises(UnreachableUrlError, match=r"0\.2 seconds"):
            await lenient(FetchLimits(max_bytes=1000, max_seconds=0.2)).fetch(
                f"http://vigil.test:{web.port}/", Reserved()
            )
        gate.set()


async def test_nobody_behind_the_address_is_told_as_such() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(UnreachableUrlError, match="cannot be reached"):
            await lenient().fetch(f"http://vigil.test:{port}/", Reserved())


async def test_an_unknown_host_is_told_as_such() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(UnreachableUrlError, match="not known"):
        await Fetcher(LIMITS, resolve=unknown).fetch("http://vigil.test/", Reserved())


async def test_a_name_that_no_host_can_have_is_unknown() -> None:
    with pytest.raises(UnreachableUrlError, match="not known"):
        await Fetcher(LIMITS).fetch(f"http://{'a' * 300}.test/", Reserved())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vigil.test/a.mp4",
        "//vigil.test/a.mp4",
        "file:///etc/passwd",
        "ftp://vigil.test/a",
        "gopher://vigil.test/a",
        "data:video/mp4;base64,AAAA",
        "http://",
        "http:///a",
        "http://user:password@vigil.test/",
        "http://user@vigil.test/",
        "http://vigil.test:0/",
        "http://vigil.test:65536/",
        "http://vigil.test:x/",
        "http://[::1/",
        "http://vigil.test/\x00",
    ],
)
async def test_other_urls_are_refused_without_looking_anything_up(url: str) -> None:
    resolver = Resolver()
    with pytest.raises(UnreachableUrlError):
        await lenient(resolver=resolver).fetch(url, Reserved())
    assert resolver.asked == []


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await fetch(answer(b"x")) == b"x"


async def test_the_systems_resolver_gives_every_address_once() -> None:
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert await resolve("::1", 80) == ["::1"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vigil.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("vigil.test")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "vigil.test.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class TestTls:
    """Over https the certificate must be for the name, though an address is connected to."""

    async def fetch(self, certificate: Path, host: str, trusted: bool) -> bytearray:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(certificate)
        asked: list[str | None] = []
        server.sni_callback = lambda _socket, name, _context: asked.append(name)
        trust = ssl.create_default_context(cafile=str(certificate) if trusted else None)
        async with serving(answer(b"x"), tls=server) as web:
            fetcher = Fetcher(
                LIMITS, resolve=Resolver(), may_connect=lambda address: True, tls=trust
            )
            found = await fetcher.fetch(f"https://{host}:{web.port}/", Reserved())
            assert asked == [host]
            return found

    async def test_the_right_name_is_asked_for_and_trusted(self, certificate: Path) -> None:
        assert await self.fetch(certificate, "vigil.test", trusted=True) == b"x"

    @pytest.mark.parametrize(("host", "trusted"), [("other.test", True), ("vigil.test", False)])
    async def test_another_name_or_issuer_is_refused(
        self, certificate: Path, host: str, trusted: bool
    ) -> None:
        with pytest.raises(UnreachableUrlError):
            await self.fetch(certificate, host, trusted)
