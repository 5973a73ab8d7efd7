"""GIF: blocks up to the trailer (https://www.w3.org/Graphics/GIF/spec-gif89a.txt)."""

from __future__ import annotations

import struct
from fractions import Fraction

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import (
    Outline,
    require_frames,
    require_pixels,
    require_total_pixels,
)

_EXTENSION = 0x21
_GRAPHIC_CONTROL = 0xF9
_IMAGE = 0x2C
_TRAILER = 0x3B
_PADDING = 0x00  # some encoders end a block twice; every decoder skips it


def outline(data: bytes, limits: MediaLimits) -> Outline:
    """Walk all blocks up to the trailer.

    Raises:
        CorruptMediaError: No frame, a block of no known kind, or no trailer.
        MediaTooLargeError: Too many frames, or a frame that is too large.
        IndexError, struct.error: The data ends within a block.
    """
    screen_width, screen_height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _colour_table_bytes(flags)
    display_seconds: list[Fraction] = []
    delay = Fraction(0)
    total_pixels = 0
    while (introducer := data[position]) != _TRAILER:
        position += 1
        if introducer == _IMAGE:
            left, top, width, height, flags = struct.unpack_from("<HHHHB", data, position)
            # A frame that sticks out makes Pillow's canvas grow.
            screen_width = max(screen_width, left + width)
            screen_height = max(screen_height, top + height)
            require_pixels(screen_width, screen_height, limits)
            display_seconds.append(delay)
            require_frames(len(display_seconds), limits)
            total_pixels += screen_width * screen_height
            require_total_pixels(total_pixels, limits)
            delay = Fraction(0)
            # 9 bytes of descriptor, the frame's own colours, 1 byte of LZW code size, the pixels
            position = _behind_sub_blocks(data, position + 10 + _colour_table_bytes(flags))
        elif introducer == _EXTENSION:
            if data[position] == _GRAPHIC_CONTROL and data[position + 1]:
                (hundredths,) = struct.unpack_from("<H", data, position + 3)
                delay = Fraction(hundredths, 100)
            position = _behind_sub_blocks(data, position + 1)
        elif introducer != _PADDING:
            raise CorruptMediaError("The GIF is damaged: one of its blocks is of no known kind.")
    if not display_seconds:
        raise CorruptMediaError("The GIF has no frame.")
    return Outline(len(display_seconds), tuple(display_seconds))


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _behind_sub_blocks(data: bytes, position: int) -> int:
    """The position behind a chain of sub-blocks: a length and as many bytes, up to length 0."""
    while length := data[position]:
        position += length + 1
    return position + 1
