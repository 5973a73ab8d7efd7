"""What open_video tells and yields, over every container and codec, legal oddities included."""

from __future__ import annotations

import gc
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from av.video.frame import VideoFrame

from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from tests.assets.videos import (
    B_FRAME_CODECS,
    PAIRS,
    make_video,
    packet_like,
    paint_colours,
    paint_noise,
    read_index,
    remux,
    theora_video,
    tracks_video,
)

LIMITS = MediaLimits()


def indexes(data: bytes, stride: int = 1) -> list[int]:
    """The painted index of every frame, after checks of what must hold of any video."""
    with open_video(data, LIMITS) as video:
        frames = list(video.frames(stride))
        assert video.facts.frames == len(video.times)
    assert [frame.index for frame in frames] == [i * stride for i in range(len(frames))]
    seconds = [frame.pts_seconds for frame in frames]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    assert all(frame.pixels.flags.c_contiguous for frame in frames)
    return [read_index(frame.pixels) for frame in frames]


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_every_frame_comes_in_presentation_order_with_its_time(container, codec):
    b_frames = 2 if codec in B_FRAME_CODECS else 0
    data = make_video(container, codec, b_frames=b_frames, audio_seconds=3)
    with open_video(data, LIMITS) as video:
        assert (video.facts.container, video.facts.codec) == (container, codec)
        assert (video.facts.width, video.facts.height, video.facts.rotation) == (160, 96, 0)
        assert video.facts.frames == 20
        assert video.facts.duration_seconds == pytest.approx(2.0)
        assert video.facts.frame_rate == pytest.approx(10.0)
        frames = list(video.frames())
    assert [read_index(frame.pixels) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([i / 10 for i in range(20)])
    assert all(frame.pixels.shape == (96, 160, 3) for frame in frames)


def test_theora_is_read():
    data = theora_video()
    with open_video(data, LIMITS) as video:
        assert (video.facts.codec, video.facts.frames) == ("theora", 12)
    assert indexes(data) == list(range(12))


@pytest.mark.parametrize("stride", [1, 3, 7, 20, 100])
def test_a_stride_yields_every_kth_frame_from_the_first_on(stride):
    data = make_video("mp4", "h264", b_frames=2)
    assert indexes(data, stride) == list(range(0, 20, stride))


TIMES = [0, 0.04, 0.5, 0.52, 1.7, 1.75, 2, 4, 4.1, 9]


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "h264"), ("mkv", "vp9"), ("webm", "vp8"), ("flv", "h264")]
)
def test_times_of_a_variable_frame_rate_are_exact(container, codec):
    data = make_video(container, codec, frames=10, times=TIMES)
    with open_video(data, LIMITS) as video:
        seconds = [frame.pts_seconds for frame in video.frames()]
    assert seconds == pytest.approx(TIMES, abs=1e-3)


def test_empty_chunks_that_hold_an_avi_frame_longer_count_as_no_frame():
    data = make_video("avi", "mpeg4", frames=4, times=[0, 0.1, 0.5, 0.6])
    with open_video(data, LIMITS) as video:
        seconds = [frame.pts_seconds for frame in video.frames()]
    assert len(seconds) == 4
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("container", "muxer_options", "seekable"),
    [
        ("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}, False),
        ("mp4", {"movflags": "frag_keyframe"}, True),
        ("mp4", {"movflags": "cmaf+frag_keyframe"}, False),
        ("mp4", {"moov_size": "8000"}, True),
        ("mkv", {"live": "1"}, False),
        ("mkv", {}, False),
        ("flv", {}, False),
        ("avi", {}, False),
        ("ts", {"mpegts_m2ts_mode": "1"}, True),
        ("ts", {"output_ts_offset": "95442.7"}, True),
    ],
    ids=str,
)
def test_containers_as_live_recorders_and_servers_write_them(container, muxer_options, seekable):
    data = make_video(
        container,
        "h264",
        b_frames=2,
        audio_seconds=4,
        seekable=seekable,
        muxer_options=muxer_options,
    )
    assert indexes(data) == list(range(20))


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("h264", {"x264-params": "open-gop=1:b-adapt=0:bframes=3"}),
        ("h264", {"x264-params": "intra-refresh=1"}),
        ("h264", {"x264-params": "interlaced=1:bframes=2"}),
        ("hevc", {"x265-params": "open-gop=1:b-adapt=0"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value.values())),
)
def test_open_groups_intra_refresh_and_interlacing(container, codec, options):
    data = make_video(container, codec, frames=40, b_frames=3, height=128, encoder_options=options)
    assert indexes(data) == list(range(40))


@pytest.mark.parametrize(
    ("codec", "options", "first"),
    [
        ("h264", {}, 8),
        ("h264", {"x264-params": "open-gop=1:b-adapt=0:bframes=3"}, 16),
        ("hevc", {"x265-params": "open-gop=1:b-adapt=0"}, 8),
        ("mpeg2video", {}, 16),
    ],
)
def test_a_broadcast_may_start_in_the_middle_of_a_group(codec, options, first):
    whole = make_video("ts", codec, frames=40, b_frames=3, encoder_options=options)
    packets = [whole[i : i + 188] for i in range(0, len(whole), 188)]
    seen = indexes(b"".join(packets[:3] + packets[30:]))
    assert seen == list(range(first, 40))


def test_an_edit_list_cuts_frames_away():
    data = bytearray(make_video("mp4", "h264"))
    at = data.index(b"elst") + 12
    duration, start = struct.unpack_from(">Ii", data, at)
    struct.pack_into(">Ii", data, at, duration * 15 // 20, start + 5 * 1024)
    assert indexes(bytes(data)) == list(range(5, 20))


def test_a_vp8_reference_frame_that_stays_hidden_counts_as_no_frame():
    def hide(packets):
        payload = bytearray(bytes(packets[5]))
        payload[0] &= ~0x10
        hidden = packet_like(packets[5], bytes(payload), packets[5].pts - 1)
        return [*packets[:5], hidden, *packets[5:]]

    assert indexes(remux(make_video("webm", "vp8"), "webm", hide)) == list(range(20))


def test_a_vp9_packet_may_show_an_earlier_frame_again():
    def show_again(packets):
        again = packet_like(packets[5], b"\x88", packets[5].pts + 50)
        return [*packets[:6], again, *packets[6:]]

    with open_video(remux(make_video("webm", "vp9"), "webm", show_again), LIMITS) as video:
        assert len(list(video.frames())) == video.facts.frames == 21


def test_cover_art_is_not_the_video():
    with open_video(tracks_video(cover=True), LIMITS) as video:
        assert (video.facts.codec, video.facts.frames) == ("h264", 4)
        assert [read_index(frame.pixels) for frame in video.frames()] == [0, 1, 2, 3]


QUARTERS = {(255, 0, 0): "R", (0, 255, 0): "G", (0, 0, 255): "B", (255, 255, 255): "W"}


def paint_quarters(_index: int, height: int, width: int) -> np.ndarray:
    """R G over B W."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return pixels


@pytest.mark.parametrize(
    ("counterclockwise", "flip", "rotation", "quarters"),
    [
        (0, False, 0, "RGBW"),
        (90, False, 270, "GWRB"),
        (180, False, 180, "WBGR"),
        (270, False, 90, "BRWG"),
        (0, True, 0, "GRWB"),
        (180, True, 180, "BWRG"),
        (90, True, 90, "WGBR"),
        (270, True, 270, "RBGW"),
    ],
)
def test_frames_are_turned_and_mirrored_upright(counterclockwise, flip, rotation, quarters):
    data = make_video(frames=2, paint=paint_quarters, rotation=counterclockwise, flip=flip)
    with open_video(data, LIMITS) as video:
        pixels = next(iter(video.frames())).pixels
        assert video.facts.rotation == rotation
        assert pixels.shape == (video.facts.height, video.facts.width, 3)
    assert pixels.shape == ((96, 160, 3) if rotation in (0, 180) else (160, 96, 3))
    height, width = pixels.shape[:2]
    seen = [
        QUARTERS[tuple(int(value > 127) * 255 for value in pixels[y * height // 4, x * width // 4])]
        for y in (1, 3)
        for x in (1, 3)
    ]
    assert "".join(seen) == quarters


COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 150, 110)]
LIMITED, FULL = 1, 2
BT709, BT601, BT2020 = 1, 5, 9


@pytest.mark.parametrize(
    ("codec", "pixel_format", "colorspace", "color_range"),
    [
        ("h264", "yuv420p", BT709, LIMITED),
        ("h264", "yuv420p", BT709, FULL),
        ("h264", "yuv420p", BT601, LIMITED),
        ("h264", "yuv420p", BT601, FULL),
        ("h264", "yuv420p", BT2020, LIMITED),
        ("h264", "yuv444p", BT709, LIMITED),
        ("hevc", "yuv420p10le", BT709, LIMITED),
        ("vp9", "yuv420p", BT709, LIMITED),
        ("av1", "yuv420p", BT709, LIMITED),
    ],
)
def test_colours_follow_the_matrix_and_range_that_the_stream_names(
    codec, pixel_format, colorspace, color_range
):
    data = make_video(
        "mp4",
        codec,
        frames=len(COLOURS),
        gop=1,
        paint=paint_colours(COLOURS),
        pixel_format=pixel_format,
        colour={"colorspace": colorspace, "color_range": color_range},
    )
    with open_video(data, LIMITS) as video:
        seen = np.array([frame.pixels[48, 80] for frame in video.frames()], int)
    assert np.abs(seen - COLOURS).max() <= 3


@pytest.mark.parametrize(
    ("width", "height", "matrix"), [(720, 576, BT601), (1280, 720, BT709), (608, 1080, BT709)]
)
def test_where_no_matrix_is_named_the_size_decides_as_in_players(width, height, matrix):
    tagged, untagged = (
        make_video(
            frames=len(COLOURS),
            gop=1,
            width=width,
            height=height,
            paint=paint_colours(COLOURS),
            colour={"colorspace": matrix, "color_range": LIMITED},
            encoder_options={"x264-params": f"colormatrix={name}"},
        )
        for name in (("bt709" if matrix == BT709 else "smpte170m"), "undef")
    )
    for data in (tagged, untagged):
        with open_video(data, LIMITS) as video:
            seen = np.array([frame.pixels[48, 80] for frame in video.frames()], int)
        assert np.abs(seen - COLOURS).max() <= 3


@pytest.mark.parametrize("width", [96, 98, 100, 102])
def test_frames_whose_rows_ffmpeg_pads_are_contiguous(width):
    data = make_video(frames=2, width=width, height=50, paint=paint_colours([(255, 255, 255)]))
    with open_video(data, LIMITS) as video:
        for frame in video.frames():
            assert frame.pixels.shape == (50, width, 3)
            assert frame.pixels.flags.c_contiguous
            assert frame.pixels.min() >= 250


def test_the_size_may_change_on_the_way():
    small, large = (make_video("webm", "vp8", width=width, frames=5) for width in (160, 320))

    def append(packets):
        later = remux_packets(large)
        for packet in later:
            packet.pts = packet.dts = packet.pts + 1000
        return [*packets, *later]

    with open_video(remux(small, "webm", append), LIMITS) as video:
        widths = [frame.pixels.shape[1] for frame in video.frames()]
    assert widths == [160] * 5 + [320] * 5


def remux_packets(data: bytes) -> list:
    """The packets of a video."""
    kept: list = []
    remux(data, "webm", lambda packets: kept.extend(packets) or packets)
    return [packet_like(packet, bytes(packet), packet.pts) for packet in kept]


def test_the_bytes_are_neither_copied_nor_kept():
    data = bytearray(make_video(frames=40, paint=paint_noise))
    with open_video(data, LIMITS) as video:
        frames = video.frames()
        assert next(frames).index == 0
        frames.close()
    data.append(0)  # a bytearray cannot grow while a view of it is left


def test_no_frame_is_held_once_it_was_passed_on():
    gc.collect()
    gc.disable()  # what only the collector frees would pile up by the hundred megabytes
    try:
        before = _decoded_frames_alive()
        with open_video(make_video(frames=60, b_frames=2, rotation=90), LIMITS) as video:
            for _ in video.frames():
                pass
            held = _decoded_frames_alive() - before
    finally:
        gc.enable()
    assert held <= 4


def _decoded_frames_alive() -> int:
    # Not isinstance, which asks lazy modules for their class.
    return sum(type(thing) is VideoFrame for thing in gc.get_objects())


def test_frames_can_be_drawn_again_after_stopping_early():
    with open_video(make_video(), LIMITS) as video:
        first = video.frames()
        next(first)
        first.close()
        assert len(list(video.frames())) == 20


def test_a_read_only_view_is_enough():
    array = np.frombuffer(make_video(), np.uint8)
    with open_video(memoryview(array), LIMITS) as video:
        assert len(list(video.frames())) == 20


def test_videos_decode_side_by_side_in_threads():
    videos = [make_video(container, "h264", b_frames=2) for container in ("mp4", "mkv", "ts")] * 2
    with ThreadPoolExecutor(len(videos)) as pool:
        assert list(pool.map(indexes, videos)) == [list(range(20))] * len(videos)


@pytest.mark.parametrize(("container", "codec"), [("mp4", "h264"), ("webm", "vp9"), ("mp4", "av1")])
def test_decoder_threads_change_nothing(container, codec):
    data = make_video(container, codec, b_frames=2, paint=paint_noise)
    with open_video(data, LIMITS) as one, open_video(data, LIMITS, threads=2) as two:
        for left, right in zip(one.frames(), two.frames(), strict=True):
            assert left.pts_seconds == right.pts_seconds
            assert np.array_equal(left.pixels, right.pixels)


def test_the_packet_index_names_the_keyframes():
    with open_video(make_video(gop=8), LIMITS) as video:
        assert video.index.keyframe.nonzero()[0].tolist() == [0, 8, 16]
        assert video.index.size.min() > 0
        assert video.index.shown.all()
