"""What a decoder's process is asked to decode, as messages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from deployments.video.decoding.wire import Message
from deployments.video.sampling.decode_plan import Run

READ, READ_ALL = "read", "read all"


def read_message(runs: Sequence[Run], follow: range | None) -> Message:
    """Ask for `VideoReader.read`."""
    wanted = [np.array(run.wanted, np.int64) for run in runs]
    return Message(
        READ,
        {"follow": None if follow is None else [follow.start, follow.stop]},
        {
            "entry": np.array([run.entry for run in runs], np.int64),
            "last": np.array([run.last for run in runs], np.int64),
            "decoded": np.array([run.decoded for run in runs], np.int64),
            "whole": np.array([run.whole for run in runs], np.bool_),
            "after": np.array([run.after for run in runs], np.int64),
            "ends": np.cumsum([0, *map(len, wanted)], dtype=np.int64),
            "wanted": np.concatenate([np.empty(0, np.int64), *wanted]),
        },
    )


def runs_of(message: Message) -> tuple[list[Run], range | None]:
    """The reverse of `read_message`."""
    entry, last, decoded, whole, after, ends, wanted = (
        message.integers(name).tolist()
        for name in ("entry", "last", "decoded", "whole", "after", "ends", "wanted")
    )
    runs = [
        Run(entry[i], last[i], tuple(wanted[start:end]), decoded[i], whole[i], after[i])
        for i, (start, end) in enumerate(pairwise(ends))
    ]
    follow = message.values["follow"]
    return runs, range(*follow) if isinstance(follow, list) else None
