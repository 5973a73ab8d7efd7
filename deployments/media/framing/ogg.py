"""Ogg: pages with a table of segment sizes (RFC 3533)."""

from __future__ import annotations

from struct import unpack_from

from deployments.errors import CorruptMediaError, UnsupportedMediaError

_CONTINUED, _FIRST, _LAST = 1, 2, 4
_THEORA, _VP8 = b"\x80theora", b"OVP80"


def walk(data: memoryview) -> int | None:
    """Packets of the video stream, without its headers and without empty ones.

    Raises:
        CorruptMediaError, UnsupportedMediaError: See `count_video_packets`.
    """
    video: int | None = None
    packets, size, ended, started = 0, 0, False, False
    position, first_byte, is_vp8 = 0, 0, False
    while position < len(data):
        if position + 27 > len(data):
            raise CorruptMediaError("The video file ends inside a page header: it was cut short.")
        if bytes(data[position : position + 5]) != b"OggS\x00":
            raise CorruptMediaError(
                "The video file is damaged: a page does not start where it must."
            )
        flags, serial, segments = unpack_from("<5xB8xI8xB", data, position)
        body = position + 27 + segments
        table = bytes(data[position + 27 : body])
        position = body + sum(table)
        if position > len(data) or len(table) < segments:
            raise CorruptMediaError("The video file ends inside a page: it was cut short.")
        if flags & _FIRST:
            if started:
                raise UnsupportedMediaError("The file holds several videos one after the other.")
            magic = bytes(data[body : body + 7])
            if video is None and (magic == _THEORA or magic[:5] == _VP8):
                video, is_vp8 = serial, magic != _THEORA
        else:
            started = True
        if serial != video:
            continue
        ended = bool(flags & _LAST)
        offset = body
        for length in table:
            if size == 0 and length:
                first_byte = data[offset]
            size += length
            offset += length
            if length < 255:
                is_header = (
                    bytes(data[offset - size : offset - size + 5]) == _VP8
                    if is_vp8
                    else bool(first_byte & 0x80)
                )
                packets += size > 0 and not is_header
                size = 0
    if video is not None and (not ended or size):
        raise CorruptMediaError("The video stream has no end mark: the file was cut short.")
    return packets if video is not None else None
