"""Packets to decoded frames, each one accounted for.

FFmpeg is made to be lenient: it hides damage, and a frame that cannot be decoded just does not
come. So every packet carries a tag, which comes out again on its frame, and a packet that should
have shown a frame and did not is an error. What may be missing is written in `_Ledger`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from av.codec.context import ThreadType
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from deployments.errors import CorruptMediaError, MediaError
from deployments.media.container import OpenContainer, ffmpeg_errors
from deployments.media.packets import PacketIndex
from deployments.media.scan import demux

_STRICT: Mapping[str, str] = {"err_detect": "crccheck+explode"}
_MARKED: Mapping[str, str] = {"err_detect": "crccheck"}
_CONCEALING = frozenset({"h264", "mpeg4", "mpeg2video", "mpeg1video", "flv1"})
"""Decoders that conceal damage and mark the frame, so that nothing is lost by letting them go on.
``explode`` would also refuse harmless slips of encoders, such as an odd SEI message. The other
decoders drop what they cannot decode, or go on without a mark, unless they are told to explode."""

_FIELD_PAIRS = frozenset({"h264", "mpeg2video"})
"""Codecs in which the two fields of one frame may be two packets."""

_SHOWING_EXISTING = frozenset({"vp9"})
"""Codecs in which a packet may just tell to show a frame that an earlier one brought. Such a frame
carries the earlier packet's tag; but these codecs do not reorder, so frames settle in order."""

MOST_DELAYED = 64
"""Packets a decoder may take in before the frame of an earlier one comes out: more than the 16
pictures (32 fields) that H.264 and HEVC may reorder, and than libdav1d holds back."""


class _Tag:
    """A packet's ordinal. PyAV keys tags by identity, so each packet needs its own object."""

    __slots__ = ("ordinal",)

    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame as the decoder gave it, and the packet that it came from."""

    frame: VideoFrame
    ordinal: int


def decode(source: OpenContainer, index: PacketIndex, threads: int = 1) -> Iterator[DecodedFrame]:
    """All frames to show, in presentation order.

    Args:
        source: At its start.
        index: The same container's packets.
        threads: Of the decoder. Damage is found with any number of them.

    Raises:
        CorruptMediaError: A packet that does not decode, decodes with damage, or shows no frame.
    """
    configure(source, threads)
    return decode_packets(source, index, enumerate(demux(source)), threads)


def decode_packets(
    source: OpenContainer,
    index: PacketIndex,
    packets: Iterable[tuple[int, Packet[VideoStream]]],
    threads: int = 1,
    *,
    entry: int = 0,
) -> Iterator[DecodedFrame]:
    """The frames of some packets, in presentation order, up to the decoder's last one.

    Args:
        source: Its decoder is configured, and new or flushed.
        index: The container's packets.
        packets: Ordinals and packets in decoding order, all that are needed to decode each other.
        threads: As given to `configure`.
        entry: Ordinal of the packet that decoding begins at.

    Raises:
        CorruptMediaError: A packet that does not decode, decodes with damage, or shows no frame.
    """
    context = source.stream.codec_context
    ledger = _Ledger(source, index, threads, entry)
    for ordinal, packet in packets:
        if ordinal >= len(index.pts):
            raise CorruptMediaError("The video is damaged: it reads differently each time.")
        if packet.size == 0 or ledger.skips(ordinal):  # FFmpeg takes an empty one for the end
            continue
        packet.opaque = _Tag(ordinal)
        ledger.sent(ordinal)
        try:
            with ffmpeg_errors():
                frames = context.decode(packet)
        except MediaError:
            if not ledger.forgives_errors(ordinal):
                raise
            continue
        yield from ledger.received(frames)
    with ffmpeg_errors():
        frames = context.decode(None)
    yield from ledger.received(frames)
    ledger.close()


def configure(source: OpenContainer, threads: int = 1) -> None:
    """Make the decoder tell of damage. Once, before its first packet."""
    context, codec = source.stream.codec_context, source.codec
    context.options = dict(_MARKED if codec in _CONCEALING else _STRICT)
    context.thread_count = threads
    # A VP9 packet may hold a hidden frame before the one it shows. With a thread for each frame the
    # hidden one's error comes behind the other's success, and PyAV's `decode` drops it then.
    context.thread_type = ThreadType.SLICE if codec == "vp9" else ThreadType.AUTO
    context.copy_opaque = True


class _Ledger:
    """Which packets still owe a frame.

    A frame may be missing only where no decoder would show it:

    - before the first frame of a stream that starts in the middle of a group of pictures: MPEG-TS
      as it comes from a broadcast, and pictures that lead the first keyframe in any container;
    - HEVC pictures that lead a keyframe (RASL) behind an end of sequence (H.265, 8.1.3);
    - the second field of a picture whose fields came as two packets: its frame is the first one's.
    """

    def __init__(self, source: OpenContainer, index: PacketIndex, threads: int, entry: int) -> None:
        self._index = index
        is_start = entry <= index.first_keyframe
        self._is_broadcast = is_start and source.container.format.name == "mpegts"
        self._is_hevc = source.codec == "hevc"
        self._has_fields = source.codec in _FIELD_PAIRS
        self._leading = index.leading()
        self._is_in_order = source.codec in _SHOWING_EXISTING
        self._second_keyframe = index.second_keyframe
        self._patience = MOST_DELAYED + threads
        self._owed: dict[int, None] = {}
        self._interlaced: deque[int] = deque(maxlen=2 * self._patience)
        self._first: int | None = None

    def forgives_errors(self, ordinal: int) -> bool:
        """In a broadcast, before the first keyframe, which FFmpeg itself finds in the stream."""
        return self._is_broadcast and ordinal < self._index.first_keyframe

    def skips(self, ordinal: int) -> bool:
        """HEVC starts at an intra random access point (H.265, 8.1.3), FFmpeg's decoder with a
        wrong idea of the pictures that lead it if it has seen others before.
        """
        return self._is_hevc and self.forgives_errors(ordinal)

    def sent(self, ordinal: int) -> None:
        """A packet went into the decoder."""
        if self._index.shown[ordinal]:
            self._owed[ordinal] = None
        oldest = next(iter(self._owed), ordinal)
        if oldest < ordinal - self._patience:
            self._write_off(oldest)

    def received(self, frames: list[VideoFrame]) -> Iterator[DecodedFrame]:
        """Frames came out of the decoder."""
        for frame in frames:
            tag = frame.opaque
            if frame.is_corrupt or not isinstance(tag, _Tag):
                raise CorruptMediaError("The video is damaged: a frame cannot be decoded whole.")
            ordinal = next(iter(self._owed), tag.ordinal) if self._is_in_order else tag.ordinal
            if self._first is None:
                self._first = ordinal
            if frame.interlaced_frame:
                self._interlaced.append(ordinal)
            self._owed.pop(ordinal, None)
            yield DecodedFrame(frame, ordinal)

    def close(self) -> None:
        """The decoder has nothing left to give."""
        for ordinal in list(self._owed):
            self._write_off(ordinal)
        if self._first is None:
            raise CorruptMediaError("The video has no frame that can be decoded.")

    def _write_off(self, ordinal: int) -> None:
        if not self._may_be_missing(ordinal):
            raise CorruptMediaError("The video is damaged: a frame cannot be decoded.")
        del self._owed[ordinal]

    def _may_be_missing(self, ordinal: int) -> bool:
        if self._leading[ordinal] and (self._is_hevc or ordinal < self._second_keyframe):
            return True
        if self._has_fields and ordinal - 1 in self._interlaced:
            return True
        return self._is_broadcast and self._is_before_first(ordinal)

    def _is_before_first(self, ordinal: int) -> bool:
        if self._first is None or not self._index.has_pts:
            return self._first is None or ordinal < self._first
        return bool(self._index.pts[ordinal] < self._index.pts[self._first])
