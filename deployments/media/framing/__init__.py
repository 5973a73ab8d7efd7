"""Is a container whole? Its own framing is walked from the first byte to the last.

FFmpeg's demuxers search on after damage and say nothing: a Matroska file that was cut anywhere, a
fragment whose header was hit, an Ogg page with a wrong checksum all simply yield fewer packets. So
the framing (boxes, elements, chunks, pages, tags) is walked here, which reads headers only, and
what it promises is compared with what the demuxer delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deployments.media.framing import avi, flv, matroska, mp4, mpegts, ogg

_WALKERS: Mapping[str, Callable[[memoryview], int | None]] = {
    "mp4": mp4.walk,
    "mov": mp4.walk,
    "webm": matroska.walk,
    "mkv": matroska.walk,
    "avi": avi.walk,
    "ts": mpegts.walk,
    "flv": flv.walk,
    "ogg": ogg.walk,
}


def count_video_packets(container: str, data: memoryview) -> int | None:
    """Walks a container's framing to its end.

    Args:
        container: Name as in ``VideoFacts.container``.
        data: The whole file.

    Returns:
        Packets of the video track that the framing promises, at least; None where the container's
        framing does not tell.

    Raises:
        CorruptMediaError: Cut short, or the framing does not fit together.
        UnsupportedMediaError: Tracks that come or change in the middle of the file.
    """
    return _WALKERS[container](data)
