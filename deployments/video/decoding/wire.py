"""Messages between this process and a decoder's: JSON, numbers in arrays, and file descriptors.

Nothing is pickled. A decoder reads what strangers made; one that was taken over by its input can
send wrong numbers, but not make its parent run code.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from deployments.media.packets import BoolArray, Int64Array

Value: TypeAlias = str | int | float | Sequence[int] | None
NumberArray: TypeAlias = Int64Array | BoolArray

_LENGTHS = struct.Struct("<IQ")
"""Bytes of the JSON, and of the arrays behind it."""
_KINDS = {"int64": np.int64, "bool": np.bool_}
_MOST_JSON_BYTES = 2**20
_MOST_ARRAY_BYTES = 2**28
"""Four hours at 60 frames a second take 40 MiB."""
_MOST_DESCRIPTORS = 2


class ConnectionLostError(Exception):
    """The other end is gone, or does not speak this language."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message."""

    kind: str
    values: Mapping[str, Value] = field(default_factory=dict)
    arrays: Mapping[str, NumberArray] = field(default_factory=dict)
    descriptors: Sequence[int] = ()
    """Open files. The receiver owns its own copies and closes them."""

    def integer(self, name: str) -> int:
        """A value that is a whole number.

        Raises:
            ConnectionLostError: It is not.
        """
        value = self.values.get(name)
        if not isinstance(value, int):
            raise ConnectionLostError(f"{self.kind}: {name} is no number")
        return value

    def number(self, name: str) -> float:
        """A value that is a number.

        Raises:
            ConnectionLostError: It is not.
        """
        value = self.values.get(name)
        if not isinstance(value, int | float):
            raise ConnectionLostError(f"{self.kind}: {name} is no number")
        return float(value)

    def integers(self, name: str) -> NumberArray:
        """An array.

        Raises:
            ConnectionLostError: There is none.
        """
        if name not in self.arrays:
            raise ConnectionLostError(f"{self.kind}: there is no array {name}")
        return self.arrays[name]


def send(connection: socket.socket, message: Message) -> None:
    """Send a message; the descriptors stay open here.

    Raises:
        ConnectionLostError: The other end is gone.
    """
    shapes = [[name, array.dtype.name, len(array)] for name, array in message.arrays.items()]
    text = json.dumps([message.kind, dict(message.values), shapes]).encode()
    payload = [np.ascontiguousarray(array).data.cast("B") for array in message.arrays.values()]
    head = _LENGTHS.pack(len(text), sum(map(len, payload))) + text
    try:
        if message.descriptors:
            sent = socket.send_fds(connection, [head], list(message.descriptors))
            head = head[sent:]
        connection.sendall(head)
        for part in payload:
            connection.sendall(part)
    except OSError as error:
        raise ConnectionLostError("the other end is gone") from error


def receive(connection: socket.socket) -> Message:
    """Wait for a message.

    Raises:
        ConnectionLostError: The other end is gone, or sent what is no message.
        TimeoutError: Nothing came within the connection's timeout.
    """
    descriptors: list[int] = []
    try:
        return _received(connection, descriptors)
    except Exception as error:
        for descriptor in descriptors:
            os.close(descriptor)
        if isinstance(error, TimeoutError | ConnectionLostError):
            raise
        raise ConnectionLostError("the other end sent what is no message") from error


def _received(connection: socket.socket, descriptors: list[int]) -> Message:
    head = _read(connection, _LENGTHS.size, descriptors)
    text_bytes, array_bytes = _LENGTHS.unpack(head)
    if text_bytes > _MOST_JSON_BYTES or array_bytes > _MOST_ARRAY_BYTES:
        raise ConnectionLostError("a message is too long")
    kind, values, shapes = json.loads(_read(connection, text_bytes, descriptors))
    arrays = _arrays(shapes, _read(connection, array_bytes, descriptors))
    return Message(str(kind), dict(values), arrays, tuple(descriptors))


def _read(connection: socket.socket, length: int, descriptors: list[int]) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count, ancillary, _, _ = connection.recvmsg_into(
            [view], socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4)
        )
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors += struct.unpack(f"{len(content) // 4}i", content)
        if not count:
            raise ConnectionLostError("the other end is gone")
        view = view[count:]
    return data


def _arrays(shapes: object, payload: bytearray) -> dict[str, NumberArray]:
    arrays: dict[str, NumberArray] = {}
    at = 0
    if not isinstance(shapes, list):
        raise TypeError("no list of arrays")
    for name, kind, length in shapes:
        arrays[name] = np.frombuffer(payload, _KINDS[kind], length, at)
        at += arrays[name].nbytes
    return arrays
