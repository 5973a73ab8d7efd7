"""Opening a video with FFmpeg, so that nothing but the bytes at hand can be read.

What a hostile file is met with, in this order:

1. The container is told from the bytes by `sniff`, and that demuxer is forced: a playlist, a
   concatenation script or a session description never meets the demuxer that would follow it.
2. No protocol is allowed (``protocol_whitelist``) and FFmpeg has no file name: it reads through
   `BufferReader` and can open nothing else, whatever a file refers to.
3. Only the demuxers of `DEMUXERS` and the decoders of `DECODERS` may run, also while FFmpeg
   probes the streams (``format_whitelist``, ``codec_whitelist``).
4. Decoders refuse sizes over the limit before they allocate (``max_pixels``).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from deployments.errors import CorruptMediaError, UndecodableMediaError, UnsupportedMediaError
from deployments.media.sniff import DEMUXERS
from deployments.types import Buffer

DECODERS: Mapping[str, str] = {
    "h264": "h264",
    "hevc": "hevc",
    "vp8": "vp8",
    "vp9": "vp9",
    "libdav1d": "av1",
    "mpeg4": "mpeg4",
    "mpeg2video": "mpeg2video",
    "mpeg1video": "mpeg1video",
    "theora": "theora",
    "mjpeg": "mjpeg",
    "flv": "flv1",
}
"""FFmpeg's decoders that uploads may reach, and the codecs' names: what the web, phones, cameras
and broadcasts send. Everything else that FFmpeg can decode is surface without use."""

_READ_BYTES = 2**18
"""Bytes FFmpeg takes at a time: few crossings into Python, little read for nothing after a seek."""
_PIXELS_MARGIN = 2
"""FFmpeg counts coded pixels, which padding to whole blocks makes more than the shown ones. Our own
limit is exact and comes first; FFmpeg's only keeps a decoder from allocating far more."""
_GUESS_TIMES = 0x0001
"""``AVFMT_FLAG_GENPTS``, which PyAV sets: presentation times that the file does not have."""
_PICTURES_BESIDE = Disposition.attached_pic | Disposition.timed_thumbnails
"""Cover art and chapter pictures: stored like video streams, but not the video."""


class BufferReader(io.RawIOBase):
    """A file for FFmpeg over bytes that somebody else owns; nothing is copied but what is read.

    Args:
        data: ``[N]`` bytes.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""
        start = self._position
        end = len(self._data) if size < 0 else min(start + size, len(self._data))
        self._position = max(start, end)
        return bytes(self._data[start:end])

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a place in the file, or behind its end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._data)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The place of the next byte to be read."""
        return self._position


@dataclass(frozen=True, slots=True)
class OpenContainer:
    """A container that FFmpeg has open, and its one video track."""

    container: InputContainer
    stream: VideoStream
    codec: str
    """A value of `DECODERS`."""


@contextmanager
def ffmpeg_errors() -> Iterator[None]:
    """Turns what FFmpeg raises into the error tree, in this one place.

    Raises:
        UnsupportedMediaError: A feature that FFmpeg does not have.
        UndecodableMediaError: FFmpeg could not get the memory that the file makes it ask for.
        CorruptMediaError: Everything else: the bytes do not decode.
    """
    try:
        yield
    except (
        av.error.DecoderNotFoundError,
        av.error.DemuxerNotFoundError,
        av.error.PatchWelcomeError,
    ) as error:
        raise UnsupportedMediaError(
            "The video uses a feature of its format that this service does not read."
        ) from error
    except (av.error.MemoryError, MemoryError) as error:
        raise UndecodableMediaError(
            "The video needs more memory than there is to decode it."
        ) from error
    except (av.error.FFmpegError, EOFError) as error:
        raise CorruptMediaError("The video is damaged and cannot be decoded to its end.") from error


@contextmanager
def open_container(data: memoryview, name: str, max_pixels: int) -> Iterator[OpenContainer]:
    """Opens a video for demuxing and decoding; closes it at the end of the ``with``.

    The decoder is set up, not open: its options may still be changed.

    Args:
        data: The whole file.
        name: The container, a key of `DEMUXERS`.
        max_pixels: Width × height that a frame may have.

    Raises:
        UnsupportedMediaError: No video track, several of them, or a codec that is not read.
        CorruptMediaError: FFmpeg finds no container in these bytes.
    """
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": ",".join(sorted(set(DEMUXERS.values()))),
        "codec_whitelist": ",".join(DECODERS),
        "max_pixels": str(max_pixels * _PIXELS_MARGIN),
        "threads": "1",
    }
    with ffmpeg_errors():
        container = av.open(
            BufferReader(data),
            "r",
            format=DEMUXERS[name],
            options=options,
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
        )
    try:
        container.flags &= ~_GUESS_TIMES
        stream, codec = _video_track(container)
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        yield OpenContainer(container, stream, codec)
    finally:
        container.close()


def view_of(data: Buffer) -> memoryview:
    """A flat read-only view of a buffer's bytes, without copying them."""
    return memoryview(data).cast("B").toreadonly()


def _video_track(container: InputContainer) -> tuple[VideoStream, str]:
    tracks = [
        stream for stream in container.streams.video if not stream.disposition & _PICTURES_BESIDE
    ]
    if not tracks:
        raise UnsupportedMediaError("The file has no video track.")
    if len(tracks) > 1:
        raise UnsupportedMediaError("The video has several video tracks; send one track.")
    context = tracks[0].codec_context
    if context is None or context.name not in DECODERS:
        name = context.name if context is not None else "unknown"
        raise UnsupportedMediaError(
            f"The video's codec ({name}) is not one that this service reads. "
            f"Codecs: {', '.join(DECODERS.values())}."
        )
    return tracks[0], DECODERS[context.name]
