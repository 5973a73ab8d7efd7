"""The order in which what is compared is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

_T = TypeVar("_T")


def in_turn(compared: Iterable[_T], repeat: int) -> list[_T]:
    """All of them; each repeat begins with another one, so that none is always the first.

    Args:
        compared: In any order; may be empty.
        repeat: From 0.
    """
    items = list(compared)
    start = repeat % max(1, len(items))
    return items[start:] + items[:start]
