"""What is not read: too large, not a video, and files that want something other than themselves."""

from __future__ import annotations

import dataclasses
import io
import struct
from pathlib import Path

import av
import pytest

from deployments.errors import CorruptMediaError, MediaTooLargeError, UnsupportedMediaError
from deployments.media import container as container_module
from deployments.media.container import DECODERS, open_container, view_of
from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from tests.assets.videos import (
    make_audio,
    make_video,
    packet_like,
    remux,
    tracks_video,
)

LIMITS = MediaLimits()


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("max_video_bytes", 100),
        ("max_pixels", 160 * 96 - 1),
        ("max_video_frames", 19),
        ("max_video_seconds", 1.9),
    ],
)
def test_each_limit_is_kept(limit, value):
    limits = dataclasses.replace(LIMITS, **{limit: value})
    with pytest.raises(MediaTooLargeError):
        open_video(make_video(), limits)


def test_a_video_at_its_limits_is_read():
    data = make_video()
    limits = dataclasses.replace(
        LIMITS,
        max_video_bytes=len(data),
        max_pixels=160 * 96,
        max_video_frames=20,
        max_video_seconds=2.0,
    )
    with open_video(data, limits) as video:
        assert len(list(video.frames())) == 20


def test_frames_that_grow_over_the_limit_on_the_way_are_refused():
    packets: list[av.Packet] = []
    remux(make_video("webm", "vp8", width=240, frames=5), "webm", lambda p: packets.extend(p) or p)
    later = [packet_like(packet, bytes(packet), packet.pts + 1000) for packet in packets]
    data = remux(make_video("webm", "vp8", frames=5), "webm", lambda p: [*p, *later])
    limits = dataclasses.replace(LIMITS, max_pixels=160 * 96)
    with open_video(data, limits) as video, pytest.raises(MediaTooLargeError):
        list(video.frames())


def test_sizes_far_over_the_limit_are_refused_before_they_are_decoded():
    data = make_video("webm", "vp8")
    at = data.index(b"\x9d\x01\x2a") + 3  # VP8's key frame start code, then width and height
    huge = data[:at] + struct.pack("<HH", 16383, 16383) + data[at + 4 :]
    limits = dataclasses.replace(LIMITS, max_pixels=160 * 96)
    with pytest.raises((CorruptMediaError, MediaTooLargeError)):
        open_video(huge, limits)


def test_sound_without_pictures_is_no_video():
    with pytest.raises(UnsupportedMediaError, match="no video track"):
        open_video(make_audio(), LIMITS)


def test_an_image_is_no_video():
    with pytest.raises(UnsupportedMediaError, match="image"):
        open_video(b"\x89PNG\r\n\x1a\n" + bytes(100), LIMITS)


def test_several_video_tracks_are_refused_rather_than_one_of_them_looked_at():
    with pytest.raises(UnsupportedMediaError, match="several video tracks"):
        open_video(tracks_video(cover=False), LIMITS)


def test_a_second_video_stream_that_comes_later_in_a_broadcast_is_refused():
    data = make_video("ts", "h264") + make_video(
        "ts", "h264", muxer_options={"mpegts_start_pid": "512"}
    )
    with pytest.raises(UnsupportedMediaError, match="several video tracks"):
        open_video(data, LIMITS)


def test_a_codec_that_changes_in_the_middle_of_an_flv_is_refused():
    data = make_video("flv", "h264") + make_video("flv", "flv1")[13:]
    with pytest.raises(UnsupportedMediaError, match="changes its codec"):
        open_video(data, LIMITS)


def test_ogg_files_one_after_the_other_are_refused():
    with pytest.raises(UnsupportedMediaError, match="several videos"):
        open_video(make_video("ogg", "vp8") * 2, LIMITS)


def test_a_codec_that_is_not_on_the_list_is_refused_by_name():
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as output:
        stream = output.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        output.mux(stream.encode(None))
    with pytest.raises(UnsupportedMediaError, match="ffv1"):
        open_video(sink.getvalue(), LIMITS)


def test_every_decoder_on_the_list_exists():
    for name in DECODERS:
        assert av.codec.Codec(name, "r").name == name


def playlists(media: Path) -> dict[str, bytes]:
    """Texts that make FFmpeg open ``media`` or a socket, by the demuxer that would."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2,\n{media}\n#EXT-X-ENDLIST\n".encode(),
        "concat": f"ffconcat version 1.0\nfile '{media}'\n".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        b"m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    }


@pytest.fixture
def local_media(tmp_path: Path) -> Path:
    path = tmp_path / "private.ts"
    path.write_bytes(make_video("ts", "h264"))
    return path


@pytest.mark.parametrize("demuxer", ["hls", "concat", "sdp"])
def test_a_file_that_points_elsewhere_is_no_video(local_media, demuxer):
    with pytest.raises(UnsupportedMediaError):
        open_video(playlists(local_media)[demuxer], LIMITS)


@pytest.mark.parametrize("demuxer", ["hls", "concat", "sdp"])
def test_nothing_is_opened_even_if_such_a_file_met_its_demuxer(monkeypatch, local_media, demuxer):
    monkeypatch.setattr(container_module, "DEMUXERS", {"mp4": demuxer})
    view = view_of(playlists(local_media)[demuxer])
    with (
        pytest.raises((CorruptMediaError, UnsupportedMediaError)),
        open_container(view, "mp4", LIMITS.max_pixels),
    ):
        pass


def test_the_playlist_of_this_test_does_open_files_without_the_guard(local_media):
    with av.open(io.BytesIO(playlists(local_media)["hls"]), format="hls") as opened:
        assert opened.streams.video[0].codec_context.width == 160


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def replace_box(data: bytes, path: list[bytes], body: bytes) -> bytes:
    """Puts a body into the box at ``path``, and corrects the sizes of those around it."""
    out, position = b"", 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        inner = data[position + 8 : position + size]
        if kind == path[0]:
            inner = body if len(path) == 1 else replace_box(inner, path[1:], body)
        out += box(kind, inner)
        position += size
    return out


def alias_to(path: Path) -> bytes:
    """A data reference that is a Macintosh alias record with an absolute path."""
    name = str(path).encode()
    name += b"\0" * (len(name) % 2)
    record = bytes(10) + b"\x04" + b"disk".ljust(27, b"\0") + bytes(12)
    record += bytes([len(path.name)]) + path.name.encode().ljust(63, b"\0") + bytes(16)
    record += struct.pack(">hh", 1, 1) + bytes(16)
    for kind in (2, 18):
        record += struct.pack(">hh", kind, len(name)) + name
    record += struct.pack(">h", -1)
    return struct.pack(">II", 0, 1) + box(b"alis", bytes(4) + record)


def test_a_movie_whose_frames_lie_in_another_file_is_refused(tmp_path):
    movie = make_video("mov", "h264")
    other = tmp_path / "other.mov"
    other.write_bytes(movie)
    reference = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"]
    with pytest.raises(CorruptMediaError):
        open_video(replace_box(movie, reference, alias_to(other)), LIMITS)
