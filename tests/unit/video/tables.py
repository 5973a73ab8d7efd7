"""Frame tables with any timing, for property tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from deployments.video.sampling.frame_table import FrameTable
from tests.unit.video.simulation import simulate

STEPS = st.one_of(
    st.just(0.0),
    st.floats(0.001, 0.2, allow_nan=False),
    st.floats(0.2, 5.0, allow_nan=False),
)


@st.composite
def frame_tables(draw: st.DrawFn, most_frames: int = 120) -> FrameTable:
    """Variable frame rate, pauses, equal timestamps; keyframes anywhere; B frames or none."""
    steps: Sequence[float] = draw(st.lists(STEPS, min_size=0, max_size=most_frames - 1))
    seconds = np.concatenate(([0.0], np.cumsum(steps)))
    gop = draw(st.integers(1, most_frames))
    b_frames = draw(st.integers(0, 3))
    shots = draw(st.lists(st.integers(0, 2), min_size=len(seconds), max_size=len(seconds)))
    return simulate(
        np.zeros(len(seconds), np.float32),
        shots=shots,
        gop=gop,
        b_frames=b_frames,
        seconds=seconds,
        telling=draw(st.booleans()),
    ).table


@st.composite
def spans(draw: st.DrawFn, table: FrameTable) -> range:
    start = draw(st.integers(0, len(table) - 1))
    return range(start, draw(st.integers(start + 1, len(table))))
