"""JPEG 2000: what a decoder has to keep for the coding style that a header claims.

A codestream is divided into tiles, these into precincts and code-blocks, and decoders reserve a
record for each before they read a pixel. The standard lets each be as small as one sample: 128
bytes of file then cost gigabytes (OpenJPEG 2.5: some 500 bytes a precinct).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from deployments.errors import CorruptMediaError, MediaTooLargeError

STYLE = 0xFF52
COMPONENT_STYLE = 0xFF53

_MAX_LEVELS = 32
_WHOLE_PRECINCT = 15
"""Binary logarithm of a precinct's side where the style gives none (table A.13)."""

_MAX_CELLS = 2**18
"""Precincts and code-blocks of one tile, all components: under 150 MB of records. 100 megapixels
in one tile with the usual blocks of 64×64 have 98,000."""


@dataclass(frozen=True, slots=True)
class TileGrid:
    """What the size segment says; of all tiles the largest counts."""

    width: int
    """Of a tile."""
    height: int
    """Of a tile."""
    components: int


def require_style(marker: int, segment: bytes, grid: TileGrid) -> None:
    """Check a ``COD`` or ``COC`` segment (ISO/IEC 15444-1, A.6.1 and A.6.2).

    A component is taken to be as large as the picture and to follow this style as all others do;
    both err towards refusing.

    Args:
        marker: `STYLE` or `COMPONENT_STYLE`.
        segment: Behind its length.
        grid: Of the picture.

    Raises:
        CorruptMediaError: More levels than the standard has.
        MediaTooLargeError: More precincts or code-blocks than are taken.
        struct.error, IndexError: The segment is cut off.
    """
    # COD: style, progression, layers (2), transform of the components; COC: component, style.
    at = 5 if marker == STYLE else 2
    own_precincts = segment[0 if marker == STYLE else 1] & 1
    levels, block_width, block_height = struct.unpack_from("3B", segment, at)
    if levels > _MAX_LEVELS:
        raise CorruptMediaError("The JPEG 2000 image is damaged: its resolutions are impossible.")
    cells = 0
    for resolution in range(levels + 1):
        precinct = segment[at + 5 + resolution] if own_precincts else _WHOLE_PRECINCT * 0x11
        # Above the lowest resolution there are three bands of half its size.
        bands, half = (3, 1) if resolution else (1, 0)
        cells += bands * (
            _parts(grid.width, levels - resolution, precinct & 15, block_width + 2 + half)
            * _parts(grid.height, levels - resolution, precinct >> 4, block_height + 2 + half)
        )
        if cells * grid.components > _MAX_CELLS:
            raise MediaTooLargeError(
                "The JPEG 2000 image is divided into more parts than are taken; "
                "save it with code-blocks of 64×64 and larger precincts."
            )


def _parts(side: int, reduction: int, precinct: int, block: int) -> int:
    """Of one side of a resolution: how many precincts or code-blocks, whichever are more."""
    reduced = -(-side >> reduction) if reduction < 64 else 1
    return max(1, -(-reduced >> min(precinct, block)))
