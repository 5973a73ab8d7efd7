"""What may be sent as media, and how it becomes a form field.

Files are read while they are sent, 64 KiB at a time, so that their size does not matter.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import anyio.to_thread
import httpx

from vigil_client.errors import UploadError

_CONTENT_TYPE = "application/octet-stream"
"""The service looks at the bytes and at nothing else."""


@dataclass(frozen=True, slots=True)
class NamedMedia:
    """Bytes or an open binary file, with a name for the answer."""

    name: str
    content: bytes | BinaryIO


@dataclass(frozen=True, slots=True)
class MediaUrl:
    """Media that the service fetches itself, where its configuration allows that."""

    url: str


Media: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | NamedMedia"
"""A path (also as a string), bytes, a binary file that can seek (sent from its start), or one of
these with a name."""

FormField: TypeAlias = tuple[str, tuple[str | None, bytes | BinaryIO, str | None]]


def form_fields(field: str, media: Sequence[Media], stack: ExitStack) -> list[FormField]:
    """Form fields for httpx.

    Args:
        field: Name of the form field.
        media: What to send.
        stack: Closes the files that are opened here.

    Raises:
        OSError: A path cannot be opened.
        UploadError: A file object that cannot seek: its size is not known, nor could it be sent
            again.
        ValueError: There is nothing to send.
    """
    if not media:
        raise ValueError("There is no file to send.")
    return [(field, _file(item, stack)) for item in media]


def video_form(media: Media | MediaUrl, stack: ExitStack) -> list[FormField]:
    """The form of ``/v1/videos``; see `form_fields`."""
    if isinstance(media, MediaUrl):
        # A part without a file name is a text field.
        return [("url", (None, media.url.encode(), None))]
    return form_fields("file", [media], stack)


def _file(media: Media, stack: ExitStack) -> tuple[str, bytes | BinaryIO, str]:
    if isinstance(media, NamedMedia):
        return _text(media.name), _seekable(media.content), _CONTENT_TYPE
    if isinstance(media, bytes):
        return "upload", media, _CONTENT_TYPE
    if isinstance(media, str | os.PathLike):
        path = Path(media)
        return _text(path.name), stack.enter_context(path.open("rb")), _CONTENT_TYPE
    name = getattr(media, "name", None)
    named = Path(name).name if isinstance(name, str) else ""
    return _text(named or "upload"), _seekable(media), _CONTENT_TYPE


def _seekable(content: bytes | BinaryIO) -> bytes | BinaryIO:
    if isinstance(content, bytes):
        return content
    if not content.seekable():
        raise UploadError("The file object cannot seek; give a path, bytes or a file on disk.")
    # Writes out what is still in a buffer: httpx takes the size from the file system.
    content.seek(0)
    return content


def _text(name: str) -> str:
    """The name without bytes that are no UTF-8, which file names on Linux may have."""
    return os.fsencode(name).decode("utf-8", "replace") or "upload"


class ReadInThread(httpx.AsyncByteStream):
    """A request body whose next part is read from disk in a thread, off the event loop.

    Args:
        body: The body as httpx made it.
    """

    def __init__(self, body: httpx.SyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body's parts."""
        parts = iter(self._body)
        while (part := await anyio.to_thread.run_sync(_next, parts)) is not None:
            yield part


def _next(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)
