"""What is expected of a hostile file."""

from __future__ import annotations

from dataclasses import dataclass, field

REFUSED = frozenset({413, 415, 422})
"""Too large, not of a kind that is read, damaged: the client's fault, each of them."""
WHOLE = frozenset({200})


@dataclass(frozen=True)
class Hostile:
    """One file."""

    name: str
    data: bytes = field(repr=False)
    statuses: frozenset[int] = REFUSED
    """Any of these is right; a 200 only with every frame accounted for."""
    frames: int | None = None
    """Frames that a 200 has to tell of; None: as many as a bare, lenient decoder finds."""
