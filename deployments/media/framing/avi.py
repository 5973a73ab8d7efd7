"""AVI: RIFF chunks and lists (Microsoft AVI RIFF file reference; OpenDML 1.02 for long files)."""

from __future__ import annotations

from struct import unpack_from

from deployments.errors import CorruptMediaError

_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What a writer that cannot seek back leaves as the size of a list."""
_LISTS_WALKED = (b"hdrl", b"strl", b"movi", b"rec ")


def walk(data: memoryview) -> int:
    """Video chunks that are not empty.

    Raises:
        CorruptMediaError: See `count_video_packets`.
    """
    walker = _Walker(data)
    position = 0
    while position + 12 <= len(data) and bytes(data[position : position + 4]) == b"RIFF":
        (size,) = unpack_from("<I", data, position + 4)
        end = len(data) if size in _UNKNOWN_SIZES else min(len(data), position + 8 + size)
        walker.chunks(position + 12, end)
        position = end + end % 2
    return walker.packets


class _Walker:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._video: list[bytes] = []  # stream numbers as two digits, as in the chunks' names
        self._streams = 0
        self.packets = 0

    def chunks(self, position: int, end: int) -> None:
        data = self._data
        while position < end:
            if end - position < 8:
                if any(data[position:end]):
                    raise CorruptMediaError("The video file ends inside a chunk: it was cut short.")
                return
            name, size = unpack_from("<4sI", data, position)
            if not all(0x20 <= byte < 0x7F for byte in name):
                raise CorruptMediaError("The video file is damaged: a chunk has no valid name.")
            body = position + 8
            if name == b"LIST":
                stop = end if size in _UNKNOWN_SIZES else body + size
            else:
                stop = body + size
            if stop > end:
                raise CorruptMediaError("The video file ends inside a chunk: it was cut short.")
            self._chunk(name, body, stop)
            position = stop + stop % 2

    def _chunk(self, name: bytes, body: int, stop: int) -> None:
        if name == b"LIST":
            if bytes(self._data[body : body + 4]) in _LISTS_WALKED:
                self.chunks(body + 4, stop)
        elif name == b"strh":
            if bytes(self._data[body : body + 4]) == b"vids":
                self._video.append(b"%02d" % self._streams)
            self._streams += 1
        elif name[2:] in (b"dc", b"db") and name[:2] in self._video and stop > body:
            self.packets += 1
