"""AV1: the picture sizes that a piece of an AVIF file makes its decoder reserve memory for.

What the boxes of the file say of a picture's size and what its AV1 data say need not agree; the
decoder reserves memory by the data. So every sequence header is read (AV1 Bitstream & Decoding
Process Specification, sections 5.3, 5.5; the bit string's names are the specification's).
"""

from __future__ import annotations

from collections.abc import Iterator

from deployments.errors import CorruptMediaError
from deployments.media.limits import MediaLimits
from deployments.media.structure.outline import require_pixels

_SEQUENCE_HEADER = 1
_HEADER_BYTES = 512
"""A sequence header has at most 400."""
_LEB128_BYTES = 8
_FIRST_LEVEL_WITH_TIERS = 8


def checked_units(data: bytes, limits: MediaLimits) -> Iterator[int]:
    """Walk open bitstream units, and check the size in every sequence header.

    Args:
        data: An item's or a sample's.
        limits: Bounds on pixels.

    Yields:
        The type of each unit.

    Raises:
        CorruptMediaError: The data are no such units.
        MediaTooLargeError: A sequence has too many pixels.
        IndexError: The data end within a unit.
    """
    for kind, start, end in _units(data):
        if kind == _SEQUENCE_HEADER:
            head = data[start : min(end, start + _HEADER_BYTES)]
            require_pixels(*_size(_Bits(head)), limits)
        yield kind


def _units(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, and start and end of the payload, of every unit."""
    position = 0
    while position < len(data):
        header = data[position]
        position += 2 if header & 0x04 else 1  # an extension
        end = len(data)
        if header & 0x02:  # has a size
            size = 0
            for index in range(_LEB128_BYTES):
                byte = data[position]
                position += 1
                size |= (byte & 0x7F) << 7 * index
                if not byte & 0x80:
                    break
            end = position + size
        if header & 0x80 or end > len(data):
            raise CorruptMediaError("The AVIF is damaged: its AV1 data cannot be followed.")
        yield header >> 3 & 0x0F, position, end
        position = end


class _Bits:
    """Reads numbers, most significant bit first.

    Args:
        data: What to read.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        """The next ``count`` bits as a number.

        Raises:
            IndexError: There are fewer.
        """
        if count > self._left:
            raise IndexError("the sequence header is cut off")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def skip_uvlc(self) -> None:
        """Read over a variable-length code (section 4.10.3)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        if zeros < 32:
            self.read(zeros)


def _size(bits: _Bits) -> tuple[int, int]:
    """Largest width and height of a frame, of a sequence header (section 5.5.1)."""
    bits.read(3 + 1)  # seq_profile, still_picture
    if bits.read(1):  # reduced_still_picture_header
        bits.read(5)  # seq_level_idx
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = None
    if bits.read(1):  # timing_info_present_flag
        bits.read(32 + 32)  # num_units_in_display_tick, time_scale
        if bits.read(1):  # equal_picture_interval
            bits.skip_uvlc()
        if bits.read(1):  # decoder_model_info_present_flag
            delay_bits = bits.read(5) + 1
            bits.read(32 + 5 + 5)  # num_units_in_decoding_tick and two lengths
    initial_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):  # operating_points_cnt_minus_1
        bits.read(12)  # operating_point_idc
        if bits.read(5) >= _FIRST_LEVEL_WITH_TIERS:
            bits.read(1)  # seq_tier
        if delay_bits is not None and bits.read(1):
            bits.read(2 * delay_bits + 1)  # two delays and low_delay_mode_flag
        if initial_display_delay and bits.read(1):
            bits.read(4)
