"""Matroska files, written element by element: bombs, wrong clocks, a million packets."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence

import av
from PIL import Image

from tests.assets.hostile.boxes import element, unsigned
from tests.assets.hostile.file import REFUSED, WHOLE, Hostile
from tests.assets.videos import make_video, paint_noise

FRAMES = 6
_EITHER = REFUSED | WHOLE
_HEAD = element("1a45dfa3", b"\x42\x82\x88matroska")
_ZLIB = element("6d80", element("6240", element("5034", unsigned("4254", 0))))


def crafted_matroska() -> Iterator[Hostile]:
    """Each with one thing that is not as it should be."""
    frames = _vp8_frames()
    good = _cluster(0, frames)
    yield Hostile("mkv: as it should be", _file([_video()], good), WHOLE, FRAMES)
    yield Hostile("mkv: no frames", _file([_video()], b""))
    yield Hostile("mkv: no tracks", _file([], good))
    yield Hostile("mkv: subtitles only", _file([_subtitles(1)], _cluster(0, [b"words"] * 5)))
    texts = b"".join(_cluster(0, [b"<b>" * 200] * 1000, track=2) for _ in range(40))
    bomb = _file([_video(), _subtitles(2)], good + texts)
    yield Hostile("mkv: forty thousand subtitles", bomb, WHOLE, FRAMES)
    yield Hostile("mkv: three thousand tracks", _file([_video(i) for i in range(1, 3001)], good))
    yield Hostile(
        "mkv: packed", _file([_video(extra=_ZLIB)], _cluster(0, _packed(frames))), _EITHER
    )
    bombs = [zlib.compress(bytes(2**28), 9)]
    yield Hostile("mkv: a packed bomb", _file([_video(extra=_ZLIB)], _cluster(0, bombs)))
    yield from _clocks(frames)
    yield from _sizes(frames, good)
    yield from _many_packets()
    attached = element("61a7", element("466e", b"a.mp4") + element("465c", make_video(frames=2)))
    attached = element("1941a469", attached) * 50
    yield Hostile("mkv: videos attached", _file([_video()], attached + good), WHOLE, FRAMES)
    tags = element(
        "1254c367", element("7373", element("67c8", element("45a3", b"a" * 99))) * 30_000
    )
    yield Hostile("mkv: thirty thousand tags", _file([_video()], tags + good), WHOLE, FRAMES)
    deep = b""
    for _ in range(2000):
        deep = element("67c8", deep)
    deep = element("1254c367", element("7373", deep))
    yield Hostile("mkv: tags in tags", _file([_video()], deep + good), _EITHER)
    void = b"\xec\x80" * 300_000
    yield Hostile("mkv: three hundred thousand voids", _file([_video()], void + good), _EITHER)
    for flags, name in ((0x82, "Xiph"), (0x84, "fixed"), (0x86, "EBML")):
        for count in (0, 1, 255):
            laced = b"\x81\0\0" + bytes([flags, count]) + b"\xff" * 20 + frames[0]
            data = _file([_video()], element("1f43b675", unsigned("e7", 0) + element("a3", laced)))
            yield Hostile(f"mkv: {count + 1} frames laced, {name}", data, _EITHER)


def retimed(data: bytes, times: Sequence[int], *, scale: int = 1_000_000) -> bytes:
    """A VP8 video's frames at other times, which no muxer would write.

    Args:
        data: The video.
        times: Of its frames, in ticks.
        scale: Nanoseconds in a tick.
    """
    with av.open(io.BytesIO(data)) as source:
        packets = [(bytes(p), p.is_keyframe) for p in source.demux(video=0) if p.size]
    clusters = b"".join(
        element(
            "1f43b675",
            unsigned("e7", time) + element("a3", _block(1, 0, frame, 0x80 if is_key else 0)),
        )
        for time, (frame, is_key) in zip(times, packets, strict=True)
    )
    return _file([_video()], clusters, scale=scale)


def _clocks(frames: Sequence[bytes]) -> Iterator[Hostile]:
    for scale in (0, 1, 2**31, 2**62, 2**64 - 1):
        data = _file([_video()], _cluster(0, frames), scale=scale)
        yield Hostile(f"mkv: a tick of {scale} ns", data, _EITHER)
    for length in (float("nan"), float("inf"), -1e300, 1e300, 0.0):
        data = _file([_video()], _cluster(0, frames), duration=length)
        yield Hostile(f"mkv: lasts {length}", data, WHOLE, FRAMES)
    for time in (2**31, 2**53, 2**62, 2**63, 2**64 - 1):
        later = _cluster(0, frames[:3]) + _cluster(time, frames[3:])
        yield Hostile(f"mkv: goes on at {time}", _file([_video()], later), _EITHER)
        yield Hostile(f"mkv: begins at {time}", _file([_video()], _cluster(time, frames)), _EITHER)
    backwards = b"".join(_cluster(9000 - 1000 * i, [frame]) for i, frame in enumerate(frames))
    yield Hostile("mkv: runs backwards", _file([_video()], backwards), _EITHER)
    for lasts in (0, 2**31, 2**63, 2**64 - 1):
        blocks = b"".join(
            element("a0", element("a1", _block(1, i * 100, frame, 0)) + unsigned("9b", lasts))
            for i, frame in enumerate(frames)
        )
        data = _file([_video()], element("1f43b675", unsigned("e7", 0) + blocks))
        yield Hostile(f"mkv: each frame lasts {lasts}", data, _EITHER)


def _sizes(frames: Sequence[bytes], good: bytes) -> Iterator[Hostile]:
    for width, height in ((0, 0), (1, 1), (16384, 16384), (2**31 - 1, 2**31 - 1), (2**32, 1)):
        data = _file([_video(width=width, height=height)], good)
        yield Hostile(f"mkv: {width} × {height} says the track", data, _EITHER)
    sink = io.BytesIO()
    Image.new("L", (16384, 16384)).save(sink, "JPEG")
    mjpeg = _video(codec=b"V_MJPEG", width=16384, height=16384)
    data = _file([mjpeg], _cluster(0, [sink.getvalue()]))
    yield Hostile("mkv: 16k × 16k in truth", data)
    mjpeg = _video(codec=b"V_MJPEG", width=64, height=48)
    data = _file([mjpeg], _cluster(0, [sink.getvalue()]))
    yield Hostile("mkv: 16k × 16k behind a small track", data, frozenset({413, 422}))
    sink = io.BytesIO()
    Image.new("L", (64, 48)).save(sink, "JPEG")
    mixed = _file([mjpeg], _cluster(0, [sink.getvalue(), frames[0]]))
    yield Hostile("mkv: another codec on the way", mixed)


def _many_packets() -> Iterator[Hostile]:
    """A million, each of one byte that is no frame; and one more than are taken."""
    for count, statuses in ((1_000_000, frozenset({422})), (1_000_001, frozenset({413}))):
        clusters = []
        for start in range(0, count, 30_000):
            times = range(min(30_000, count - start))
            blocks = b"".join(b"\xa3\x85\x81" + struct.pack(">h", i) + b"\0\0" for i in times)
            clusters.append(element("1f43b675", unsigned("e7", start) + blocks))
        data = _file([_video()], b"".join(clusters))
        yield Hostile(f"mkv: {count} packets", data, statuses)


def _file(
    tracks: Sequence[bytes],
    clusters: bytes,
    *,
    scale: int = 1_000_000,
    duration: float | None = None,
) -> bytes:
    info = unsigned("2ad7b1", scale)
    if duration is not None:
        info += element("4489", struct.pack(">d", duration))
    inside = element("1549a966", info) + element("1654ae6b", b"".join(tracks)) + clusters
    return _HEAD + element("18538067", inside)


def _video(
    number: int = 1,
    *,
    codec: bytes = b"V_VP8",
    width: int = 64,
    height: int = 48,
    extra: bytes = b"",
) -> bytes:
    picture = element("e0", unsigned("b0", width) + unsigned("ba", height))
    names = unsigned("d7", number) + unsigned("73c5", number) + unsigned("83", 1)
    return element("ae", names + element("86", codec) + picture + extra)


def _subtitles(number: int) -> bytes:
    names = unsigned("d7", number) + unsigned("73c5", number) + unsigned("83", 17)
    return element("ae", names + element("86", b"S_TEXT/UTF8"))


def _cluster(time: int, frames: Sequence[bytes], track: int = 1) -> bytes:
    blocks = b"".join(
        element("a3", _block(track, i * 20 % 32_000, frame, 0x80 if i == 0 else 0))
        for i, frame in enumerate(frames)
    )
    return element("1f43b675", unsigned("e7", time % 2**64) + blocks)


def _block(track: int, time: int, frame: bytes, flags: int) -> bytes:
    return bytes([0x80 | track]) + struct.pack(">hB", time, flags) + frame


def _packed(frames: Sequence[bytes]) -> list[bytes]:
    return [zlib.compress(frame) for frame in frames]


def _vp8_frames() -> list[bytes]:
    data = make_video("webm", "vp8", frames=FRAMES, gop=100, width=64, height=48, paint=paint_noise)
    with av.open(io.BytesIO(data)) as source:
        return [bytes(packet) for packet in source.demux(video=0) if packet.size]
