"""What `adaptive` costs: length of the groups of pictures × gap, on clips with nothing to find."""

from __future__ import annotations

from itertools import product

from benchmarks.video.client import analyse
from benchmarks.video.clips import COST
from benchmarks.video.results import CostMeasurement
from benchmarks.video.service import TINY, vigil
from benchmarks.video.session import Session

_MOST_REPEATS = 2
"""Looks and decoded frames hardly vary."""
GAPS_SECONDS = (0.5, 1.0, 2.0, 5.0)


def measure(session: Session) -> None:
    """Every combination in turn, in each repeat."""
    for clip in COST:
        session.path(clip)
    repeats = min(session.repeats, _MOST_REPEATS)
    with vigil(session.workspace, TINY) as server:
        for repeat in range(repeats):
            session.say(f"cost: repeat {repeat + 1} of {repeats}")
            for clip, gap in product(COST, GAPS_SECONDS):
                made = session.workspace.measured(clip)
                answer = analyse(server.port, session.file(clip), max_gap_seconds=gap)
                classified = answer.count("frames_classified")
                session.results.cost.append(
                    CostMeasurement(
                        gop_seconds=made.gop / made.fps,
                        max_gap_seconds=gap,
                        video_seconds=made.frames / made.fps,
                        looks=classified + answer.count("frames_reused"),
                        frames_decoded=answer.count("frames_decoded"),
                        frames_classified=classified,
                        seconds=answer.seconds,
                    )
                )
