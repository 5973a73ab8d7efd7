"""Boxes of ISO base media files, and elements of Matroska: written, found and replaced."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def box(kind: bytes, body: bytes) -> bytes:
    """A box (ISO/IEC 14496-12, 4.2)."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def replace_box(data: bytes, path: Sequence[bytes], body: bytes) -> bytes:
    """Put a body into the first box at ``path``, and correct the sizes of those around it."""
    out, position, is_done = b"", 0, False
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        inner = data[position + 8 : position + size]
        if kind == path[0] and not is_done:
            inner = body if len(path) == 1 else replace_box(inner, path[1:], body)
            is_done = True
        out += box(kind, inner)
        position += size
    return out


def body_at(data: bytes, path: Sequence[bytes]) -> tuple[int, int]:
    """Where the body of the first box at ``path`` begins and ends."""
    start, end = 0, len(data)
    for wanted in path:
        position = start
        while True:
            size, kind = struct.unpack_from(">I4s", data, position)
            if kind == wanted:
                break
            position += size
        start, end = position + 8, position + size
    return start, end


def element(name: str, body: bytes) -> bytes:
    """A Matroska element (RFC 8794) with its size in eight bytes.

    Args:
        name: The id in hexadecimal.
        body: Its content.
    """
    return bytes.fromhex(name) + struct.pack(">Q", len(body) | 1 << 56) + body


def unsigned(name: str, value: int) -> bytes:
    """An element that is a number."""
    return element(name, value.to_bytes(8, "big"))
