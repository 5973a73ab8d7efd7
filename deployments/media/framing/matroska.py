"""Matroska and WebM: EBML elements (RFC 8794; RFC 9559)."""

from __future__ import annotations

from deployments.errors import CorruptMediaError

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_CLUSTER, _TRACKS = 0x1F43B675, 0x1654AE6B
_TRACK_ENTRY, _TRACK_NUMBER, _TRACK_TYPE = 0xAE, 0xD7, 0x83
_VIDEO = 1
_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xA3, 0xA0, 0xA1
_VOID, _CRC32 = 0xEC, 0xBF
_IN_SEGMENT = {
    _CLUSTER,
    _TRACKS,
    0x114D9B74,  # SeekHead
    0x1549A966,  # Info
    0x1C53BB6B,  # Cues
    0x1941A469,  # Attachments
    0x1043A770,  # Chapters
    0x1254C367,  # Tags
    _VOID,
    _CRC32,
}
_IN_CLUSTER = {
    _SIMPLE_BLOCK,
    _BLOCK_GROUP,
    0xE7,  # Timestamp
    0x5854,  # SilentTracks
    0xA7,  # Position
    0xAB,  # PrevSize
    0xAF,  # EncryptedBlock
    _VOID,
    _CRC32,
}


def walk(data: memoryview) -> int:
    """Frames in the blocks of the video tracks.

    Raises:
        CorruptMediaError: See `count_video_packets`.
    """
    walker = _Walker(data)
    position = 0
    while position < len(data):
        element, body, end = walker.element(position, len(data))
        if element == _SEGMENT:
            position = walker.segment(body, end)
        elif element in (_EBML, _VOID):
            position = walker.known(end)
        else:
            raise _damaged()
    return sum(walker.frames.get(track, 0) for track in walker.video_tracks)


def _damaged() -> CorruptMediaError:
    return CorruptMediaError("The video file is damaged: an element is not where it must be.")


class _Walker:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.video_tracks: list[int] = []
        self.frames: dict[int, int] = {}

    def element(self, position: int, limit: int) -> tuple[int, int, int | None]:
        """Identifier, start and end of the element at ``position``; the end is None if unknown."""
        identifier, position = self._number(position, keep_marker=True)
        at = position
        size, position = self._number(position)
        if size == (1 << (7 * (position - at))) - 1:
            return identifier, position, None
        if position + size > limit:
            raise CorruptMediaError("The video file ends inside an element: it was cut short.")
        return identifier, position, position + size

    def known(self, end: int | None) -> int:
        if end is None:
            raise _damaged()
        return end

    def segment(self, position: int, end: int | None) -> int:
        limit = len(self._data) if end is None else end
        while position < limit:
            element, body, stop = self.element(position, limit)
            if end is None and element == _EBML:  # another segment follows a live one
                return position
            if element not in _IN_SEGMENT:
                raise _damaged()
            if element == _CLUSTER:
                position = self._cluster(body, stop, limit)
                continue
            if element == _TRACKS:
                self._tracks(body, self.known(stop))
            position = self.known(stop)
        return position

    def _cluster(self, position: int, end: int | None, limit: int) -> int:
        limit = limit if end is None else end
        while position < limit:
            element, body, stop = self.element(position, limit)
            if element not in _IN_CLUSTER:
                # A cluster of unknown size ends where an element of the level above starts.
                if end is None and (element in _IN_SEGMENT or element == _EBML):
                    return position
                raise _damaged()
            stop = self.known(stop)
            if element == _SIMPLE_BLOCK:
                self._block(body, stop)
            elif element == _BLOCK_GROUP:
                for inner, start, inner_stop in self._children(body, stop):
                    if inner == _BLOCK:
                        self._block(start, inner_stop)
            position = stop
        return position

    def _tracks(self, position: int, end: int) -> None:
        for element, body, stop in self._children(position, end):
            if element != _TRACK_ENTRY:
                continue
            values = {
                inner: int.from_bytes(self._data[start:inner_stop], "big")
                for inner, start, inner_stop in self._children(body, stop)
                if inner in (_TRACK_NUMBER, _TRACK_TYPE)
            }
            if values.get(_TRACK_TYPE) == _VIDEO and _TRACK_NUMBER in values:
                self.video_tracks.append(values[_TRACK_NUMBER])

    def _children(self, position: int, end: int) -> list[tuple[int, int, int]]:
        children = []
        while position < end:
            element, body, stop = self.element(position, end)
            position = self.known(stop)
            children.append((element, body, position))
        return children

    def _block(self, position: int, end: int) -> None:
        track, position = self._number(position)
        if position + 3 > end:
            raise _damaged()
        laced = self._data[position + 2] & 0x06
        if laced and position + 4 > end:
            raise _damaged()
        count = self._data[position + 3] + 1 if laced else int(end > position + 3)
        self.frames[track] = self.frames.get(track, 0) + count

    def _number(self, position: int, *, keep_marker: bool = False) -> tuple[int, int]:
        """A variable-length number (RFC 8794, section 4) and the position behind it."""
        if position >= len(self._data):
            raise CorruptMediaError("The video file ends inside an element: it was cut short.")
        first = self._data[position]
        length = 9 - first.bit_length()
        if length > 8:
            raise _damaged()
        if position + length > len(self._data):
            raise CorruptMediaError("The video file ends inside an element: it was cut short.")
        value = int.from_bytes(self._data[position : position + length], "big")
        return (value if keep_marker else value & ~(1 << (7 * length))), position + length
