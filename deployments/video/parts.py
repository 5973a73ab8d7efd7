"""Into how many parts a plan is cut, which decoder processes take in turn."""

from __future__ import annotations

from deployments.types import VideoFacts
from deployments.video.sampling.decode_plan import DecodePlan
from deployments.video.sampling.frame_table import FrameTable

PART_PACKETS = 600
"""Most packets of a part, about, so that looks come in about time's order."""
PARTS_PER_PROCESS = 4
FOLLOWED_SECONDS = 15.0
"""Length of a part whose pictures are followed: each part's process starts to compare anew, and so
has one look more classified. …"""
FOLLOWED_PIXELS = 75e6
"""… It is worth that, too, where so much is decoded for it (a fifth of a second of a core), until
every process has a part."""


def parts_of(
    plan: DecodePlan, facts: VideoFacts, table: FrameTable, follow: range | None, processes: int
) -> tuple[DecodePlan, ...]:
    """Parts of about equal cost, in time's order.

    Where a process takes few there are as many for each, or one would decode the last part while
    the others wait.

    Args:
        plan: What is to be decoded.
        facts: What the video is.
        table: Its frames.
        follow: See `VideoReader.read`.
        processes: How many there are for all videos.
    """
    count = PARTS_PER_PROCESS * processes
    if follow is not None:
        seconds = float(table.seconds[follow.stop - 1] - table.seconds[follow.start])
        pixels = plan.decoded * facts.width * facts.height
        shared = min(int(pixels / FOLLOWED_PIXELS), processes)
        count = min(count, max(int(seconds / FOLLOWED_SECONDS), shared))
        if count >= processes:
            count = -(-count // processes) * processes
    return plan.parts(max(1, count, plan.decoded // PART_PACKETS))
