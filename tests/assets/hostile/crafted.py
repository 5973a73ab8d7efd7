"""Files made by hand, each for one thing that a careless reader trips over."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Iterator
from itertools import chain

import av
import numpy as np
from av.stream import Disposition

from tests.assets.hostile.boxes import box
from tests.assets.hostile.crafted_matroska import crafted_matroska
from tests.assets.hostile.crafted_movies import crafted_movies
from tests.assets.hostile.file import REFUSED, WHOLE, Hostile
from tests.assets.videos import MUXERS, Pixels, make_video, paint_index

UNSUPPORTED = frozenset({415})
_AUDIO = {"mp4": "aac", "mov": "aac", "webm": "libopus", "mkv": "aac", "avi": "mp2", "ts": "aac"}
_AUDIO |= {"flv": "libmp3lame", "ogg": "libopus"}
_SIGNATURES = {
    "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isommp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "webm": b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm",
    "avi": b"RIFF\xff\xff\0\0AVI LIST",
    "flv": b"FLV\x01\x05\0\0\0\x09\0\0\0\0",
    "ogg": b"OggS\0\2" + bytes(20),
    "ts": b"G@\0\x10",
}


def crafted() -> Iterator[Hostile]:
    """All of them."""
    return chain(_without_pictures(), _large(), _nested(), crafted_movies(), crafted_matroska())


def _without_pictures() -> Iterator[Hostile]:
    for container in MUXERS:
        yield Hostile(f"sound only {container}", _sound(container), REFUSED)
    yield Hostile("cover art only", _sound("mp4", cover=True), UNSUPPORTED)
    chance = random.Random(0)
    for name, signature in _SIGNATURES.items():
        yield Hostile(f"{name}: nothing behind the signature", signature)
        yield Hostile(f"{name}: zeros behind the signature", signature + bytes(20_000))
        yield Hostile(f"{name}: noise behind the signature", signature + chance.randbytes(20_000))
        yield Hostile(f"{name}: signatures and nothing else", signature * 500)
    flv = make_video("flv", "h264", frames=2)
    yield Hostile("flv: no tag", flv[:13])
    avi = make_video("avi", "mpeg4", frames=2)
    yield Hostile("avi: no frames", avi[: avi.index(b"movi") + 4])
    ts = make_video("ts", "h264", frames=2)
    yield Hostile("ts: tables only", ts[: 188 * 3] * 20)
    yield Hostile("ts: packets of nothing", b"G\x1f\xff\x10" * 1 + b"\xff" * 184)
    yield Hostile("ts: a million packets of nothing", (b"G\x1f\xff\x10" + bytes(184)) * 100_000)


def _large() -> Iterator[Hostile]:
    data = make_video(
        width=3840, height=2160, frames=24, gop=1000, paint=_still, encoder_options={"bframes": "0"}
    )
    yield Hostile("4K in a single group", data, WHOLE, 24)
    yield Hostile("4K in a single group, cut", data[: len(data) * 2 // 3])
    damaged = bytearray(data)
    at = data.index(b"mdat") + 3000
    damaged[at : at + 200] = bytes(200)
    yield Hostile("4K in a single group, damaged", bytes(damaged))
    webm = make_video("webm", "vp8", frames=3)
    at = webm.index(b"\x9d\x01\x2a") + 3
    sizes = b"\xff\x3f\xff\x3f"  # 16383 × 16383 in VP8's key frame header
    yield Hostile("16k × 16k says a VP8 frame", webm[:at] + sizes + webm[at + 4 :])
    flv = make_video("flv", "flv1", frames=3)
    yield Hostile("an FLV of a thousand", flv + flv[13:] * 1000, REFUSED | WHOLE)


def _nested() -> Iterator[Hostile]:
    data = make_video(frames=4)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("video.mp4", data)
    yield Hostile("a video in a zip", archive.getvalue(), UNSUPPORTED)
    yield Hostile("a video before a zip", data + archive.getvalue())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tarred:
        tarred.addfile(tarfile.TarInfo("video.mp4"), io.BytesIO(b""))
    yield Hostile("a video in a tar", archive.getvalue() + data, UNSUPPORTED)
    yield Hostile("a video in a video's data", _SIGNATURES["mp4"] + box(b"mdat", data))
    yield Hostile("two videos one after the other", data + data, REFUSED | WHOLE)
    yield Hostile("a video behind an ID3 tag", b"ID3\4\0\0\0\0\0\0" + data, UNSUPPORTED)
    yield Hostile("a video behind a picture", b"\xff\xd8\xff\xe0" + data)
    avi = b"RIFF\xff\xff\xff\x7fAVI " + b"LIST\xff\xff\xff\x7fhdrl" * 20_000
    yield Hostile("avi: lists in lists", avi)
    for other in ("mkv", "avi", "ts", "flv"):
        inner = make_video(other, "mpeg4" if other != "flv" else "flv1", frames=2)
        yield Hostile(f"{other} in an MP4's free space", data + box(b"free", inner), WHOLE, 4)


def _still(index: int, height: int, width: int) -> Pixels:
    picture = paint_index(5, height, width)
    picture[:16, : 16 * (index + 1)] = np.uint8(128)
    return picture


def _sound(container: str, *, cover: bool = False) -> bytes:
    sink = io.BytesIO()
    with av.open(sink, "w", format=MUXERS[container]) as output:
        rate = 44_100 if container == "flv" else 48_000
        sound = output.add_stream(_AUDIO[container], rate=rate)
        picture = output.add_stream("mjpeg", rate=1) if cover else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(paint_index(1, 48, 64), "rgb24")
            output.mux(picture.encode(frame))
            output.mux(picture.encode(None))
        for start in range(0, rate // 4, 960):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), "s16", "stereo")
            silence.sample_rate, silence.pts = rate, start
            output.mux(sound.encode(silence))
        output.mux(sound.encode(None))
    return sink.getvalue()
