"""MP4 and MOV: boxes with a 32-bit or 64-bit size (ISO/IEC 14496-12, section 4.2)."""

from __future__ import annotations

from struct import unpack_from

from deployments.errors import CorruptMediaError


def walk(data: memoryview) -> None:
    """Checks that every top-level box lies in the file whole.

    The samples themselves are checked against the demuxer's sample table by the scan.

    Raises:
        CorruptMediaError: See `count_video_packets`.
    """
    position = 0
    while position < len(data):
        if len(data) - position < 8:
            # Zeros that fill up the file are no header: one starts with a size, which is none.
            if len(data) - position < 4 or any(data[position:]):
                raise CorruptMediaError(
                    "The video file ends inside a box header: it was cut short."
                )
            return
        size, _ = unpack_from(">I4s", data, position)
        if size == 0:  # the last box, which reaches to the end of the file
            return
        if size == 1 and len(data) - position >= 16:
            (size,) = unpack_from(">Q", data, position + 8)
        if size < 8:
            raise CorruptMediaError("The video file is damaged: a box has no valid size.")
        position += size
    if position > len(data):
        raise CorruptMediaError("The video file ends inside a box: it was cut short.")
