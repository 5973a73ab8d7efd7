from __future__ import annotations

import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.requests import Request

from deployments.errors import InvalidParameterError, MediaTooLargeError, UnsupportedMediaError
from serve_app.refusals import MAX_READ_BYTES
from serve_app.uploads import Upload, read_file, read_file_or_text, read_files

from .media import still

BOUNDARY = "--frontier--"


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def request(
    body: bytes,
    chunk_bytes: int = 0,
    content_type: str = f"multipart/form-data; boundary={BOUNDARY}",
) -> Request:
    size = chunk_bytes or max(1, len(body))
    chunks = [body[i : i + size] for i in range(0, len(body), size)]

    async def receive() -> dict[str, object]:
        chunk = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


# What looks like a boundary but is none must come through unchanged, wherever chunks are cut.
TRICKY = b"\r\n--front\r\n--frontier-\r\n----frontier-x\r\n\r\n--\r" + bytes(range(256))


@pytest.mark.parametrize("chunk_bytes", [0, 1, 2, 3, 7, 64])
async def test_files_come_through_byte_for_byte_however_the_body_is_cut(chunk_bytes: int) -> None:
    body = form(
        part("note", b"ignored"),
        part("files", TRICKY, "a b;c.bin"),
        part("files", b"", "empty"),
        part("other", b"ignored", "x.png"),
        part("files", b"\r\n", "ü.png"),
    )
    assert await read_files(request(body, chunk_bytes), "files", 3) == [
        Upload("a b;c.bin", TRICKY),
        Upload("empty", b""),
        Upload("ü.png", b"\r\n"),
    ]


async def test_large_files_come_through() -> None:
    data = bytes(range(256)) * 20_000
    upload = await read_file(request(form(part("file", data, "big")), 65_536), "file")
    assert upload == Upload("big", data)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (form(part("image", b"x", "a.png")), "'file' is missing (the form has 'image')"),
        (form(), "'file' is missing"),
        (form(part("file", b"x")), "holds no file"),
        (form(part("file", b"", "")), "holds no file"),
        (form(part("file", b"x", "")), "holds no file"),
        (form(part("file", b"1", "a"), part("file", b"2", "b")), "came more than once"),
        (form(part("file", b"x", "a.png"))[:-6], "malformed or was cut short"),
        (part("file", b"x" * 100, "a.png")[:90], "malformed or was cut short"),
        (b"", "malformed or was cut short"),
        (b"no multipart at all", "malformed or was cut short"),
        (f"--{BOUNDARY}\r\nX: y\r\n\r\nz\r\n--{BOUNDARY}--\r\n".encode(), "malformed"),
        (form(*[part(f"f{i}", b"") for i in range(101)]), "too many fields"),
        (form(f"--{BOUNDARY}\r\nX: {'y' * 9000}\r\n\r\n".encode()), "malformed"),
    ],
)
async def test_a_form_without_exactly_one_file_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        await read_file(request(body), "file")
    assert said in refused.value.detail


async def test_one_file_too_many_is_refused_before_it_is_read() -> None:
    body = form(*[part("files", b"x", f"{i}.png") for i in range(3)])
    with pytest.raises(MediaTooLargeError, match="at most 2 files"):
        await read_files(request(body), "files", 2)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "image/png", "", "multipart/form-data", "multipart/mixed; boundary=x"],
)
async def test_another_media_type_is_refused_with_what_to_send(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaError, match=r"multipart/form-data.*'file'"):
        await read_file(request(b"{}", content_type=content_type), "file")


async def test_an_overlong_boundary_is_refused() -> None:
    content_type = f"multipart/form-data; boundary={'x' * 500}"
    with pytest.raises(InvalidParameterError, match="malformed"):
        await read_file(request(b"", content_type=content_type), "file")


class TestLimits:
    """Bodies through the whole application, with a limit of 2,000 and 3,000 bytes."""

    LIMITS = {"max_request_bytes": 2_000, "max_inflight_upload_bytes": 3_000}  # noqa: RUF012

    @pytest.fixture
    async def small(self, make_client: Callable[..., object]) -> httpx.AsyncClient:
        return await make_client(limits=self.LIMITS)  # type: ignore[misc]

    @pytest.mark.parametrize("length", [MAX_READ_BYTES + 1, 10**9])
    async def test_a_large_declared_length_over_the_limit_is_refused_unread(
        self, length: int, small: httpx.AsyncClient
    ) -> None:
        async def body() -> AsyncIterator[bytes]:
            raise AssertionError("read")
            yield b""

        response = await small.post(
            "/api/image-classification", content=body(), headers={"Content-Length": str(length)}
        )
        assert response.status_code == 413
        assert "2000 bytes" in response.json()["detail"]

    @pytest.mark.parametrize("length", ["-1", "1e3", "x", "9" * 5000])
    async def test_a_length_that_is_no_number_is_refused(
        self, small: httpx.AsyncClient, length: str
    ) -> None:
        response = await small.post("/v1/images", content=b"", headers={"Content-Length": length})
        assert response.status_code == 422
        assert "Content-Length" in response.json()["detail"]

    async def test_a_body_without_a_length_is_refused_once_it_is_over_the_limit(
        self, small: httpx.AsyncClient
    ) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            yield part("file", b"", "a.png")[:-2]
            while sent < 1_000:
                sent += 1
                yield b"x" * 100

        response = await small.post(
            "/api/image-classification",
            content=endless(),
            headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        )
        assert response.status_code == 413
        assert sent <= 20

    async def test_room_is_given_back_after_answers_of_every_kind(
        self, small: httpx.AsyncClient
    ) -> None:
        good = {"file": ("a.png", still(0.5))}
        bad = {"file": ("a.png", b"x" * 1_500)}
        for _ in range(3):
            assert (await small.post("/api/image-classification", files=bad)).status_code == 415
            assert (await small.post("/api/nothing", files=bad)).status_code == 404
            ok = await small.post("/api/image-classification", files=good)
            assert ok.status_code == 200


class TestFileOrText:
    """`read_file_or_text`."""

    async def read(self, *parts: bytes, chunk_bytes: int = 0) -> Upload | str:
        return await read_file_or_text(request(form(*parts), chunk_bytes), "file", "url")

    @pytest.mark.parametrize("chunk_bytes", [0, 1, 7])
    async def test_a_text_comes_through_however_the_body_is_cut(self, chunk_bytes: int) -> None:
        url = "https://example.com/ü?a=b"
        parts = [part("note", b"x"), part("url", f" {url}\n".encode())]
        assert await self.read(*parts, chunk_bytes=chunk_bytes) == url

    async def test_an_empty_text_beside_a_file_is_no_text(self) -> None:
        sent = await self.read(part("url", b" "), part("file", b"data", "a.mp4"))
        assert sent == Upload("a.mp4", b"data")

    @pytest.mark.parametrize(
        "parts",
        [
            [],
            [part("url", b"")],
            [part("other", b"x")],
            [part("url", b"a"), part("url", b"b")],
            [part("url", b"a"), part("url", b"b"), part("url", b"c")],
            [part("url", b"a"), part("file", b"b", "b")],
            [part("file", b"a", "a"), part("file", b"b", "b")],
            [part("url", b"x" * 9000)],
        ],
    )
    async def test_anything_but_one_file_or_one_text_is_refused(self, parts: list[bytes]) -> None:
        with pytest.raises(InvalidParameterError):
            await self.read(*parts)


async def test_a_file_is_gone_with_the_last_who_holds_it() -> None:
    size = 2**23
    body = form(part("file", bytes(size), "x"))
    gc.disable()  # what a cycle holds stays until its next run, minutes later in a service
    tracemalloc.start()
    try:
        upload = await read_file(request(body, 65536), "file")
        assert tracemalloc.get_traced_memory()[0] > size
        del upload
        assert tracemalloc.get_traced_memory()[0] < size / 8
    finally:
        tracemalloc.stop()
        gc.enable()
