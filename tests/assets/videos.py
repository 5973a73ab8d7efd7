"""Small videos made in memory, for every container and codec that a muxer and an encoder exist for.

Each frame is painted by a function of its index, so a test knows what every decoded frame must
show. The default painter writes the index into the frame as black and white bars, which
`read_index` reads back from decoded pixels whatever the codec did to them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder greets on stderr otherwise

Pixels = npt.NDArray[np.uint8]
Painter = Callable[[int, int, int], Pixels]
"""From (index, height, width) to RGB pixels ``[height, width, 3]``."""

ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp8": "libvpx",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "mpeg4": "mpeg4",
    "mpeg2video": "mpeg2video",
    "mjpeg": "mjpeg",
    "flv1": "flv",
}
"""Codec name to the encoder in PyAV's bundled FFmpeg. It has none for Theora."""

MUXERS = {
    "mp4": "mp4",
    "mov": "mov",
    "webm": "webm",
    "mkv": "matroska",
    "avi": "avi",
    "ts": "mpegts",
    "flv": "flv",
    "ogg": "ogg",
}
"""Container name, as in ``VideoFacts.container``, to FFmpeg's muxer."""

PAIRS = (
    *((c, v) for c in ("mp4", "mkv") for v in ("h264", "hevc", "vp9", "av1", "mpeg4")),
    *(("mov", v) for v in ("h264", "hevc", "mpeg4", "mjpeg")),
    *(("webm", v) for v in ("vp8", "vp9", "av1")),
    *(("avi", v) for v in ("h264", "mpeg4", "mjpeg")),
    *(("ts", v) for v in ("h264", "hevc", "mpeg4", "mpeg2video")),
    *(("flv", v) for v in ("h264", "flv1")),
    ("mkv", "vp8"),
    ("mkv", "mpeg2video"),
    ("ogg", "vp8"),
)
"""Every (container, codec) that this module can make and that the service reads."""

B_FRAME_CODECS = frozenset({"h264", "hevc", "mpeg4", "mpeg2video"})

_SPEED: Mapping[str, Mapping[str, str]] = {
    "h264": {"preset": "ultrafast", "threads": "1"},
    "hevc": {"preset": "ultrafast"},
    "vp8": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
    "vp9": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
    "av1": {"preset": "13"},
}
_X265 = "log-level=none:pools=none:frame-threads=1"
_SVT_AV1 = "lp=1"
_INDEX_BITS = 10


def paint_index(index: int, height: int, width: int) -> Pixels:
    """The index in ten vertical bars, lowest bit on the left: white for 1, black for 0."""
    bits = (index >> np.arange(_INDEX_BITS)) & 1
    columns = bits[np.arange(width) * _INDEX_BITS // width] * 255
    return np.broadcast_to(columns[None, :, None], (height, width, 3)).astype(np.uint8)


def read_index(pixels: Pixels) -> int:
    """The index that `paint_index` wrote, from decoded pixels ``[H, W, 3]``."""
    width = pixels.shape[1]
    centres = (np.arange(_INDEX_BITS) * 2 + 1) * width // (2 * _INDEX_BITS)
    bits = pixels[:, centres].mean(axis=(0, 2)) > 127
    return int((bits.astype(int) << np.arange(_INDEX_BITS)).sum())


def paint_colours(colours: Sequence[tuple[int, int, int]]) -> Painter:
    """Frame i is all of ``colours[i]``; the last one stays for the frames after it."""

    def paint(index: int, height: int, width: int) -> Pixels:
        colour = np.array(colours[min(index, len(colours) - 1)], np.uint8)
        return np.broadcast_to(colour, (height, width, 3)).copy()

    return paint


def paint_flagged(
    first: int,
    end: int,
    flagged: tuple[int, int, int] = (224, 172, 140),
    normal: tuple[int, int, int] = (30, 60, 160),
) -> Painter:
    """Frames ``first <= i < end`` in one colour, all others in another."""

    def paint(index: int, height: int, width: int) -> Pixels:
        colour = flagged if first <= index < end else normal
        return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()

    return paint


def paint_noise(index: int, height: int, width: int) -> Pixels:
    """Noise that differs from frame to frame: large packets, hard to conceal when damaged."""
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)


def make_video(
    container: str = "mp4",
    codec: str = "h264",
    *,
    paint: Painter = paint_index,
    frames: int = 20,
    fps: int = 10,
    width: int = 160,
    height: int = 96,
    gop: int = 8,
    b_frames: int = 0,
    times: Sequence[float] | None = None,
    start_seconds: float = 0.0,
    rotation: int = 0,
    flip: bool = False,
    audio_seconds: float | None = None,
    pixel_format: str | None = None,
    colour: Mapping[str, int] | None = None,
    seekable: bool = True,
    encoder_options: Mapping[str, str] | None = None,
    muxer_options: Mapping[str, str] | None = None,
) -> bytes:
    """Encodes a video and returns the file's bytes.

    Args:
        container: A key of `MUXERS`.
        codec: A key of `ENCODERS`.
        paint: What each frame shows.
        frames: How many frames.
        fps: Frames per second, where ``times`` is not given.
        width: Coded width in pixels, before rotation.
        height: Coded height in pixels, before rotation.
        gop: Frames from one keyframe to the next, at most.
        b_frames: B-frames between two reference frames, for codecs that have them.
        times: Presentation time of each frame in seconds: a variable frame rate.
        start_seconds: Presentation time of the first frame.
        rotation: Counter-clockwise degrees in the container's display matrix.
        flip: Mirror left to right in the display matrix.
        audio_seconds: Length of an audio track; None for no audio.
        pixel_format: None for ``yuv420p`` (``yuvj420p`` for MJPEG).
        colour: Attributes of the codec context: ``colorspace``, ``color_range`` ….
        seekable: False to write as to a pipe, so that nothing is patched in afterwards.
        encoder_options: Further options of the encoder.
        muxer_options: Further options of the muxer.
    """
    sink = io.BytesIO() if seekable else _Pipe()
    with (
        _own_scheduling(),
        av.open(
            sink, "w", format=MUXERS[container], container_options=dict(muxer_options or {})
        ) as output,
    ):
        stream = output.add_stream(ENCODERS[codec], rate=fps)
        stream.width, stream.height = width, height
        stream.pix_fmt = pixel_format or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
        context = stream.codec_context
        context.gop_size = gop
        context.max_b_frames = b_frames if codec in B_FRAME_CODECS else 0
        for name, value in (colour or {}).items():
            setattr(context, name, value)
        if times is not None:
            context.time_base = Fraction(1, 1000)
        else:
            context.time_base = Fraction(1, fps)
        context.options = _encoder_options(codec, gop, b_frames, encoder_options)
        if rotation or flip:
            stream.set_display_rotation(rotation, hflip=flip)
        audio = _add_audio(output, container) if audio_seconds else None

        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(paint(index, height, width), "rgb24")
            seconds = start_seconds + (times[index] if times is not None else index / fps)
            frame.time_base = context.time_base
            frame.pts = round(seconds / context.time_base)
            output.mux(stream.encode(_to_yuv(frame, stream.pix_fmt, colour)))
        output.mux(stream.encode(None))
        if audio is not None and audio_seconds:
            _write_tone(output, audio, audio_seconds)
    return sink.getvalue()


@contextmanager
def _own_scheduling() -> Iterator[None]:
    """Gives the process its way of being scheduled back.

    As root, SVT-AV1 makes the process that it runs in a real-time one, and all that it starts later
    with it: the services of other tests then starve each other, and everything else.
    """
    kept = [
        (process, os.sched_getscheduler(process), os.sched_getparam(process))
        for process in (0, os.getpid())  # this thread, and the first one
    ]
    try:
        yield
    finally:
        for process, policy, parameters in kept:
            os.sched_setscheduler(process, policy, parameters)


def make_audio(seconds: float = 1.0) -> bytes:
    """An MP4 file with an audio track and nothing else."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as output:
        audio = _add_audio(output, "mp4")
        _write_tone(output, audio, seconds)
    return sink.getvalue()


class _Pipe(io.BytesIO):
    """A sink that cannot seek back, as a live recorder's."""

    def seekable(self) -> bool:
        return False


def _encoder_options(
    codec: str, gop: int, b_frames: int, extra: Mapping[str, str] | None
) -> dict[str, str]:
    options = {**_SPEED.get(codec, {}), **(extra or {})}
    if codec == "hevc":
        own = f"{_X265}:keyint={gop}:bframes={b_frames}"
        options["x265-params"] = ":".join(filter(None, [own, options.get("x265-params")]))
    if codec == "av1":
        options["svtav1-params"] = ":".join(filter(None, [_SVT_AV1, options.get("svtav1-params")]))
    return options


def _to_yuv(
    frame: av.VideoFrame, pixel_format: str, colour: Mapping[str, int] | None
) -> av.VideoFrame:
    if colour is None:
        return frame
    tagged = frame.reformat(
        format=pixel_format,
        dst_colorspace=colour.get("colorspace"),
        dst_color_range=colour.get("color_range"),
        threads=1,
    )
    tagged.pts, tagged.time_base = frame.pts, frame.time_base
    return tagged


def _add_audio(output: av.container.OutputContainer, container: str) -> av.AudioStream:
    codec = {"webm": "libopus", "ogg": "libopus", "avi": "mp2", "flv": "libmp3lame"}
    return output.add_stream(
        codec.get(container, "aac"), rate=48_000 if container != "flv" else 44_100
    )


def _write_tone(
    output: av.container.OutputContainer, stream: av.AudioStream, seconds: float
) -> None:
    rate, block = stream.codec_context.sample_rate, 960
    for start in range(0, int(seconds * rate), block):
        wave = np.sin(np.arange(start, start + block) * (440 * 2 * np.pi / rate)) * 8000
        frame = av.AudioFrame.from_ndarray(
            np.repeat(wave.astype(np.int16)[None], 2, axis=0).T.reshape(1, -1), "s16", "stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def theora_video() -> bytes:
    """Twelve frames of `paint_index` at 10 fps, 80 × 48, Theora in Ogg with a keyframe every 8.

    Kept as a file because PyAV's FFmpeg has no Theora encoder. Made from the raw RGB frames with
    ``ffmpeg -f rawvideo -pix_fmt rgb24 -s 80x48 -r 10 -i - -c:v libtheora -q:v 3 -g 8 -bitexact``.
    """
    return Path(__file__).with_name("theora.ogv").read_bytes()


def remux(
    data: bytes, container: str, change: Callable[[list[av.Packet]], list[av.Packet]]
) -> bytes:
    """Rewrites a video's packets, without encoding anew.

    Args:
        data: A file with one video track.
        container: A key of `MUXERS`.
        change: Gets the packets in decoding order and returns those to write.
    """
    sink = io.BytesIO()
    with (
        av.open(io.BytesIO(data)) as source,
        av.open(sink, "w", format=MUXERS[container]) as output,
    ):
        track = source.streams.video[0]
        copy = output.add_stream_from_template(track, opaque=True)
        for packet in change([packet for packet in source.demux(track) if packet.size]):
            packet.stream = copy
            output.mux(packet)
    return sink.getvalue()


def packet_like(packet: av.Packet, payload: bytes, pts: int) -> av.Packet:
    """A packet with other bytes at another time."""
    made = av.Packet(payload)
    made.pts = made.dts = pts
    made.time_base, made.duration = packet.time_base, packet.duration
    return made


def tracks_video(*, cover: bool) -> bytes:
    """An MP4 file with two video streams; the second one is cover art or a track of its own."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as output:
        streams = [output.add_stream("libx264", rate=10), output.add_stream("mjpeg", rate=10)]
        for stream, pixel_format in zip(streams, ("yuv420p", "yuvj420p"), strict=True):
            stream.width, stream.height, stream.pix_fmt = 160, 96, pixel_format
        if cover:
            streams[1].disposition = Disposition.attached_pic
        for index in range(4):
            for stream in streams[: 1 if cover and index else 2]:
                frame = av.VideoFrame.from_ndarray(paint_index(index, 96, 160), "rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    return sink.getvalue()
