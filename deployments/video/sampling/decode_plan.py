"""From the frames that are wanted to the packets that have to be decoded, in forward passes.

The cost model: to see a frame, every packet from its group's keyframe on is decoded, except those
that no other frame refers to. Frames of one group share that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deployments.media.packets import Int64Array
from deployments.video.sampling.frame_table import FrameTable


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of packets that is decoded in one go, from a keyframe on."""

    entry: int
    """Ordinal of the keyframe packet that decoding begins at."""
    last: int
    """Ordinal of the last packet that is decoded."""
    wanted: tuple[int, ...]
    """Positions of the frames wanted, in presentation order."""
    decoded: int
    """Packets that go into the decoder."""
    whole: bool = False
    """Decode all its packets, so that damage in frames that are not wanted is found, too; and each
    of its frames must come, in its place."""
    after: int = -1
    """Position up to which its frames were seen before: they are decoded again, but not shown."""

    @property
    def unseen(self) -> tuple[int, ...]:
        """Those wanted that were not seen before."""
        return tuple(i for i in self.wanted if i > self.after)

    def packets(self, table: FrameTable) -> Int64Array:
        """Ordinals of the packets to decode, ascending: all others in between are left out."""
        if self.whole:
            return np.arange(self.entry, self.last + 1)
        needed = table.reference[self.entry : self.last + 1].copy()
        needed[table.packet[list(self.wanted)] - self.entry] = True
        return needed.nonzero()[0] + self.entry


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """Runs in decoding order, which do not overlap."""

    runs: tuple[Run, ...]

    @classmethod
    def of(cls, table: FrameTable, wanted: Iterable[int]) -> DecodePlan:
        """The cheapest way to see some frames.

        Args:
            table: The video's frames.
            wanted: Their positions, in any order.
        """
        positions = np.unique(np.fromiter(wanted, np.int64))
        references = np.concatenate(([0], np.cumsum(table.reference)))
        runs: list[Run] = []
        for members in _chains(table, positions):
            packets = table.packet[members]
            entry, last = int(table.entry[members].min()), int(packets.max())
            if not table.is_order_known:
                last = table.group_end(last)
            extra = int(np.count_nonzero(~table.reference[packets]))
            decoded = int(references[last + 1] - references[entry]) + extra
            runs.append(Run(entry, last, tuple(np.sort(members).tolist()), decoded))
        return cls(tuple(runs))

    @classmethod
    def whole(cls, table: FrameTable, step: int) -> DecodePlan:
        """All of a video, of which every ``step``-th frame is wanted, the first one among them."""
        last = len(table.reference) - 1
        runs = cls.of(table, range(len(table))).runs
        entries = [0, *(run.entry for run in runs[1:])]
        ends = [*(entry - 1 for entry in entries[1:]), last]
        wanted = (tuple(i for i in run.wanted if i % step == 0) for run in runs)
        return cls(
            tuple(
                Run(entry, end, positions, end - entry + 1, whole=True)
                for entry, end, positions in zip(entries, ends, wanted, strict=True)
            )
        )

    @property
    def decoded(self) -> int:
        """Packets that go into the decoder."""
        return sum(run.decoded for run in self.runs)

    @property
    def wanted(self) -> int:
        """Frames that are wanted."""
        return sum(len(run.wanted) for run in self.runs)

    @property
    def jumps(self) -> int:
        """Runs that do not begin where the run before ended; the first counts unless at 0."""
        ends = [-1, *(run.last for run in self.runs)]
        return sum(run.entry != end + 1 for run, end in zip(self.runs, ends, strict=False))

    def left_after(self, seen: Sequence[int], table: FrameTable) -> DecodePlan:
        """What is left to do where decoding was left off: it begins anew at a keyframe.

        The run that was left off is decoded as before, all of its packets, so that what is seen of
        it is what would have been seen. It stays even if none of its wanted frames is left, as
        damage or a cut may lie behind them.

        Args:
            seen: Positions of the frames that came, in the order in which they came.
            table: The video's frames.
        """
        for position in reversed(seen):
            packet = int(table.packet[position])
            for i, run in enumerate(self.runs):
                if run.entry <= packet <= run.last:
                    return DecodePlan((replace(run, after=position), *self.runs[i + 1 :]))
        return self

    def parts(self, count: int) -> tuple[DecodePlan, ...]:
        """Cut at keyframes into at most ``count`` parts of about equal cost, in order."""
        shares = np.cumsum([run.decoded for run in self.runs])
        if not len(shares):
            return ()
        centres = shares - np.array([run.decoded for run in self.runs]) / 2
        part_of = np.minimum((centres * count / shares[-1]).astype(int), count - 1)
        return tuple(
            DecodePlan(tuple(self.runs[i] for i in (part_of == part).nonzero()[0]))
            for part in np.unique(part_of)
        )


def _chains(table: FrameTable, positions: Int64Array) -> Sequence[Int64Array]:
    """Group frames whose ways to them overlap: one group of pictures, or two joined by leading
    frames, for which the decoder goes on over the keyframe anyway.
    """
    if not len(positions):
        return []
    order = positions[np.lexsort((table.packet[positions], table.entry[positions]))]
    reached = np.maximum.accumulate(table.packet[order])
    starts = (table.entry[order][1:] > reached[:-1]).nonzero()[0] + 1
    return np.split(order, starts)
