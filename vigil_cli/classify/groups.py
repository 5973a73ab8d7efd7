"""Files → requests. Small images share one: a request costs the service and this command some
milliseconds, whatever it carries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from vigil_cli.classify.sources import Source

MAX_FILES = 16
MAX_BYTES = 8 * 2**20
"""Of several files together; they are in memory while they are sent. A larger file goes alone, and
from disk."""


class Groups:
    """Hands out the next files for one request.

    Groups shrink towards the end, so that no connection is left with much to do while the others
    have nothing.

    Args:
        sources: All files, in order.
        connections: Requests at the same time.
        max_files: What the service takes in one request.
    """

    def __init__(self, sources: Iterable[Source], connections: int, max_files: int) -> None:
        self._waiting = deque(sources)
        self._connections = connections
        self._max_files = min(max_files, MAX_FILES)

    def __iter__(self) -> Iterator[list[Source]]:
        """The groups, for any number of readers."""
        return self

    def __next__(self) -> list[Source]:
        """The next group: one file, or several small images."""
        if not self._waiting:
            raise StopIteration
        first = self._waiting.popleft()
        group, size = [first], first.size
        if _goes_alone(first):
            return group
        wanted = min(self._max_files, -(-len(self._waiting) // (2 * self._connections)))
        while len(group) < wanted and self._waiting:
            following = self._waiting[0]
            if _goes_alone(following) or size + following.size > MAX_BYTES:
                break
            size += following.size
            group.append(self._waiting.popleft())
        return group


def _goes_alone(source: Source) -> bool:
    return source.path is None or source.looks_like_video or source.size > MAX_BYTES
