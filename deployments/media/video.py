"""Videos: what they are, from their packets; and their frames, one by one.

    data ── sniff ── framing ── scan ──▶ facts, PacketIndex
                                  └───── decode ── picture ──▶ TimedFrame …

A part of a video that cannot be read is an error, never a shorter answer. Of the frames, only those
that the decoder itself needs are in memory, whatever the video's length.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, takewhile

import numpy as np

from deployments.errors import CorruptMediaError, MediaTooLargeError, UnsupportedMediaError
from deployments.media.container import OpenContainer, open_container, view_of
from deployments.media.decode import MOST_DELAYED, DecodedFrame, decode
from deployments.media.framing import count_video_packets
from deployments.media.limits import MediaLimits
from deployments.media.packets import NO_TIME, Int64Array, PacketIndex
from deployments.media.picture import CLOCKWISE_DEGREES, PictureMaker, frame_orientation
from deployments.media.scan import scan
from deployments.media.sniff import sniff
from deployments.types import Buffer, TimedFrame, VideoFacts

_SIDEWAYS = (90, 270)


class OpenVideo:
    """A video that was scanned and found whole. Made by `open_video`; a context manager.

    Not for two threads at once. Iterators of frames are closed before the video is.

    Args:
        data: The whole file.
        limits: What the video may cost.
        threads: Of the decoder.
        index: See the attribute.
        times: See the attribute.
        facts: See the attribute.
    """

    def __init__(
        self,
        data: memoryview,
        limits: MediaLimits,
        threads: int,
        index: PacketIndex,
        times: Int64Array,
        facts: VideoFacts,
    ) -> None:
        self.data = data
        """The whole file."""
        self._limits = limits
        self._threads = threads
        self.index = index
        """The packets of the video track."""
        self.times = times
        """``[F]`` presentation times in units of ``index.time_base``, in presentation order."""
        self.facts = facts
        """What is known before all frames are decoded."""

    def __enter__(self) -> OpenVideo:
        return self

    def __exit__(self, *_: object) -> None:
        self.data.release()

    def frames(self, stride: int = 1) -> Iterator[TimedFrame]:
        """Frames 0, k, 2k … in presentation order, upright and in RGB.

        Every frame is decoded, and its damage found; only those of the stride are converted.

        Args:
            stride: k ≥ 1.

        Raises:
            CorruptMediaError: At the first part of the video that cannot be decoded.
            MediaTooLargeError: A frame is larger than the limit (sizes may change on the way).
        """
        return (frame for frame in self.steps(stride) if frame is not None)

    def steps(self, stride: int = 1) -> Iterator[TimedFrame | None]:
        """As `frames`, with None for every decoded frame that is passed over."""
        with open_container(self.data, self.facts.container, self._limits.max_pixels) as source:
            pictures = PictureMaker()
            seconds = 0.0
            for position, decoded in enumerate(decode(source, self.index, self._threads)):
                frame = decoded.frame
                require_pixels(frame.width, frame.height, self._limits)
                if position % stride:
                    yield None
                    continue
                # Timestamps that step back (spliced broadcasts) hold the clock.
                seconds = max(seconds, self._seconds(position, frame.pts))
                yield TimedFrame(position, seconds, pictures.rgb(frame))

    def _seconds(self, position: int, pts: int | None) -> float:
        """Presentation time of the frame that came out at ``position``, from the first frame on."""
        if pts is None or not self.index.has_pts:
            pts = int(self.times[min(position, len(self.times) - 1)])
        return float((pts - int(self.times[0])) * self.index.time_base)


def open_video(data: Buffer, limits: MediaLimits, *, threads: int = 1) -> OpenVideo:
    """Scans a video to its end and decodes its first frame.

    Args:
        data: A whole file. It is not copied, and must stay as it is until the video is closed.
        limits: What the video may cost.
        threads: Of the decoder. 1 where several workers decode side by side.

    Raises:
        UnsupportedMediaError: Not a video, no video track or several, or a codec not read.
        CorruptMediaError: Damaged or cut short.
        MediaTooLargeError: Over a limit: bytes, pixels, frames, seconds.
    """
    view = view_of(data)
    if len(view) > limits.max_video_bytes:
        raise MediaTooLargeError(
            f"The video has {len(view)} bytes; at most {limits.max_video_bytes} are taken."
        )
    found = sniff(view)
    if found.kind != "video":
        raise UnsupportedMediaError(f"The file is an image ({found.name}), not a video.")
    promised = count_video_packets(found.name, view)
    with open_container(view, found.name, limits.max_pixels) as source:
        context = source.stream.codec_context
        require_pixels(context.width, context.height, limits)
        index = scan(source, promised, limits.max_video_frames)
    with open_container(view, found.name, limits.max_pixels) as source:
        frames = decode(source, index, threads)
        decoded = next(frames)
        first = decoded.frame
        require_pixels(first.width, first.height, limits)
        times = index.presentation(first.pts)
        _require_order(index, decoded, frames)
        units = int(times[-1]) - int(times[0]) + _last_frame_units(source, index, times)
        seconds = float(units * index.time_base)
        rotation = CLOCKWISE_DEGREES[frame_orientation(first)]
        size = (first.width, first.height)
        width, height = reversed(size) if rotation in _SIDEWAYS else size
        facts = VideoFacts(
            container=found.name,
            codec=source.codec,
            width=width,
            height=height,
            rotation=rotation,
            duration_seconds=seconds,
            frames=len(times),
            frame_rate=len(times) / seconds if seconds > 0 else 0.0,
        )
    if seconds > limits.max_video_seconds:
        raise MediaTooLargeError(
            f"The video lasts {seconds:.0f} s; at most {limits.max_video_seconds:.0f} s are taken."
        )
    return OpenVideo(view, limits, threads, index, times, facts)


def _last_frame_units(source: OpenContainer, index: PacketIndex, times: Int64Array) -> int:
    """How long the last frame is shown: as its packet says, else as the frames before it."""
    last = (index.pts if index.has_pts else index.dts) == times[-1]
    stored = int(index.duration[last].max(initial=0))
    if stored > 0:
        return stored
    if len(times) > 1:
        return int(np.median(np.diff(times)))
    rate = source.stream.average_rate
    return round(1 / rate / index.time_base) if rate else 0


def _require_order(index: PacketIndex, first: DecodedFrame, frames: Iterator[DecodedFrame]) -> None:
    """Refuse timestamps by which frames that can be decoded would be left out.

    Frames to be shown before the first one that can be decoded are left out, and those without a
    time: pictures that lead the first keyframe, which refer to what is not there. There are few of
    them, and they do not decode.

    Args:
        index: All packets.
        first: The first decoded frame.
        frames: Those after it.

    Raises:
        CorruptMediaError: The timestamps run backwards.
    """
    if not index.has_pts:
        return
    begin = NO_TIME if first.frame.pts is None else first.frame.pts
    is_left_out = index.shown & ((index.pts == NO_TIME) | (index.pts < begin))
    left_out = is_left_out.nonzero()[0]
    left_out = left_out[left_out >= first.ordinal]
    if not len(left_out):
        return
    last = int(left_out[-1]) + MOST_DELAYED
    is_long = last - first.ordinal > 2 * MOST_DELAYED
    near = takewhile(lambda decoded: decoded.ordinal < last, chain([first], frames))
    if is_long or any(is_left_out[decoded.ordinal] for decoded in near):
        raise CorruptMediaError(
            "The video is damaged: its timestamps run backwards, or frames have none."
        )


def require_pixels(width: int, height: int, limits: MediaLimits) -> None:
    """Refuse frames over the limit.

    Raises:
        MediaTooLargeError: Width × height is more than ``limits.max_pixels``.
    """
    if width * height > limits.max_pixels:
        raise MediaTooLargeError(
            f"The video's frames have {width} × {height} pixels; "
            f"at most {limits.max_pixels} pixels are taken."
        )
