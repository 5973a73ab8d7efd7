"""Memory: the peak of the whole service over idle, for short and for very long videos."""

from __future__ import annotations

from benchmarks.servers import Server
from benchmarks.video.client import analyse
from benchmarks.video.clips import LARGE_UPLOAD, MEMORY, Clip
from benchmarks.video.results import MemoryMeasurement
from benchmarks.video.service import TINY, vigil
from benchmarks.video.session import Session
from benchmarks.video.usage import usage_of

_LONG_FRAMES = 20_000
"""Longer clips are not looked at frame by frame: that would take minutes and show nothing new."""


def measure(session: Session) -> None:
    """Every clip in turn, each in a new service: what one leaves behind would serve the next."""
    clips = [*MEMORY, LARGE_UPLOAD]
    for clip in clips:
        session.path(clip)
    for repeat in range(session.repeats):
        for clip in clips:
            _one(session, clip, "adaptive", repeat)
        for clip in MEMORY:
            if repeat == 0 and clip.frames < _LONG_FRAMES:
                _one(session, clip, "every_frame", repeat)


def _one(session: Session, clip: Clip, sampling: str, repeat: int) -> None:
    with vigil(session.workspace, TINY) as server:
        _measured(session, server, clip, sampling, repeat)


def _measured(session: Session, server: Server, clip: Clip, sampling: str, repeat: int) -> None:
    video = session.file(clip)
    with usage_of(server.family, "proportional") as usage:
        answer = analyse(server.port, video, sampling=sampling)
    session.results.memory.append(
        MemoryMeasurement(
            clip=clip.name,
            sampling=sampling,
            repeat=repeat,
            seconds=answer.seconds,
            upload_bytes=len(video.data),
            idle_bytes=usage.idle_bytes,
            growth_bytes=usage.growth_bytes,
        )
    )
    session.say(
        f"  {clip.name:18} {sampling:11} {answer.seconds:6.1f} s "
        f"+{usage.growth_bytes / 1e6:.0f} MB for {len(video.data) / 1e6:.1f} MB"
    )
