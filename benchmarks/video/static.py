"""A camera on a tripod: how many classifications are saved where hardly anything changes."""

from __future__ import annotations

from benchmarks.video.client import analyse
from benchmarks.video.clips import STATIC
from benchmarks.video.results import StaticMeasurement
from benchmarks.video.service import TINY, vigil
from benchmarks.video.session import Session


def measure(session: Session) -> None:
    """``interval`` and ``adaptive`` at their defaults, which have the same gap."""
    video = session.file(STATIC)
    with vigil(session.workspace, TINY) as server:
        for repeat in range(session.repeats):
            interval = analyse(server.port, video, sampling="interval")
            adaptive = analyse(server.port, video, sampling="adaptive")
            session.results.static.append(
                StaticMeasurement(
                    repeat,
                    interval.count("frames_classified"),
                    adaptive.count("frames_classified"),
                    adaptive.count("frames_reused"),
                )
            )
            session.say(f"  {session.results.static[-1]}")
