"""Runs a decoder process that does something bad on the second frame of a bad video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from deployments.video.decoding import worker
from deployments.video.decoding.local import LocalReader
from deployments.video.decoding.reader import Seen
from deployments.video.sampling.decode_plan import Run
from tests.assets.decoders import BAD_FRAMES


def serve(misbehave: Callable[[], None]) -> None:
    class Reader(LocalReader):
        def steps(self, runs: Sequence[Run], follow: range | None = None) -> Iterator[Seen | None]:
            for i, seen in enumerate(super().steps(runs, follow)):
                if i == 1 and len(self.table) == BAD_FRAMES:
                    misbehave()
                yield seen

    worker.LocalReader = Reader  # type: ignore[misc]
    worker.main()
