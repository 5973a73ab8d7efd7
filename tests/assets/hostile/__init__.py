"""Five hundred files that want something bad of a video service, made from seeds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tests.assets.hostile.crafted import crafted
from tests.assets.hostile.file import Hostile
from tests.assets.hostile.mutated import mutated
from tests.assets.hostile.references import Bait, references

COUNT = 500

__all__ = ["COUNT", "Bait", "Hostile", "corpus"]


def corpus(bait: Bait, count: int = COUNT) -> Iterator[Hostile]:
    """The files, always the same ones: those made by hand first, then mutations of good videos.

    Args:
        bait: What the files that refer to others refer to.
        count: Files.
    """

    def all_files() -> Iterator[Hostile]:
        yield from references(bait)
        yield from crafted()
        yield from mutated()

    return islice(all_files(), count)
