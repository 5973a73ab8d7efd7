"""From packets to frames, and ranges of them; on real encoders too."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from deployments.errors import InvalidParameterError
from deployments.media.limits import MediaLimits
from deployments.media.packets import NO_TIME, PacketIndex
from deployments.media.video import open_video
from deployments.video.sampling.adaptive import Adaptive
from deployments.video.sampling.decode_plan import DecodePlan
from deployments.video.sampling.frame_table import FrameTable
from tests.assets.videos import make_video, read_index
from tests.unit.video.simulation import flag, simulate


def packets(pts: list[int], keyframes: set[int], hidden: set[int] = frozenset()) -> PacketIndex:
    count = len(pts)
    ordinals = np.arange(count)
    return PacketIndex(
        time_base=Fraction(1, 10),
        pts=np.array(pts, np.int64),
        dts=ordinals.astype(np.int64),
        duration=np.ones(count, np.int64),
        size=np.arange(100, 100 + count),
        keyframe=np.isin(ordinals, list(keyframes)),
        shown=~np.isin(ordinals, list(hidden)),
    )


def table_of(index: PacketIndex) -> FrameTable:
    times = index.presentation(None)
    return FrameTable.from_packets(index, times, len(times) / 10)


def test_frames_stand_in_presentation_order_with_their_packets() -> None:
    table = table_of(packets([0, 3, 1, 2, 4, 6, 5], {0, 4}))
    assert table.packet.tolist() == [0, 2, 3, 1, 4, 6, 5]
    assert table.entry.tolist() == [0, 0, 0, 0, 4, 4, 4]
    assert table.seconds.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert table.keyframe.tolist() == [True, False, False, False, True, False, False]
    assert table.size.tolist() == [100, 102, 103, 101, 104, 106, 105]


def test_leading_frames_are_entered_a_group_earlier() -> None:
    table = table_of(packets([0, 2, 1, 4, 3, 6, 5], {0, 3}))
    assert table.entry.tolist() == [0, 0, 0, 0, 3, 3, 3]


def test_packets_that_show_nothing_are_decoded_but_are_no_frames() -> None:
    table = table_of(packets([0, 1, 2, 3], {0}, hidden={1}))
    assert table.packet.tolist() == [0, 2, 3]
    assert DecodePlan.of(table, [1]).decoded == 3


def test_frames_before_the_first_that_decodes_are_left_out() -> None:
    index = packets([5, 3, 4, 6], {0})
    table = FrameTable.from_packets(index, index.presentation(5), 0.2)
    assert table.packet.tolist() == [0, 3]
    assert table.seconds.tolist() == pytest.approx([0, 0.1])


def test_without_presentation_times_the_order_within_groups_is_unknown() -> None:
    index = packets([NO_TIME] * 6, {0, 3})
    table = table_of(index)
    assert not table.is_order_known
    assert DecodePlan.of(table, [1]).decoded == 3


def test_known_disposable_packets_are_no_reference() -> None:
    index = packets([0, 2, 1, 3], {0})
    disposable = np.array([False, False, True, False])
    table = FrameTable.from_packets(index, index.presentation(None), 0.4, disposable)
    assert DecodePlan.of(table, [3]).decoded == 3


class TestSpan:
    table = simulate(flag(100), fps=10).table

    def test_all_of_it(self) -> None:
        assert self.table.span(None, None) == range(100)

    def test_starts_with_the_frame_on_show(self) -> None:
        assert self.table.span(1.05, 2.0) == range(10, 20)
        assert self.table.span(1.0, 2.05) == range(10, 21)

    def test_no_frame_is_left_out_that_shares_its_time_with_the_first(self) -> None:
        table = simulate(flag(6), seconds=np.array([0, 0, 0, 1, 1, 2.0])).table
        assert table.span(None, None) == range(6)
        assert table.span(0.5, 1.5) == range(5)
        assert table.span(1.0, None) == range(3, 6)

    @pytest.mark.parametrize(("start", "end"), [(2.0, 2.0), (3.0, 2.0), (10.5, None), (0.0, 0.0)])
    def test_an_empty_range_is_refused(self, start: float, end: float | None) -> None:
        with pytest.raises(InvalidParameterError, match="There is no frame"):
            self.table.span(start, end)


class _Tag:
    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal


@pytest.mark.parametrize(
    ("container", "codec", "b_frames"),
    [
        ("mp4", "h264", 0),
        ("mp4", "h264", 3),
        ("mkv", "hevc", 3),
        ("ts", "mpeg2video", 2),
        ("webm", "vp9", 0),
    ],
)
def test_decoding_only_the_planned_packets_shows_the_wanted_frames(
    container: str, codec: str, b_frames: int
) -> None:
    data = make_video(container, codec, frames=80, fps=10, gop=25, b_frames=b_frames)
    with open_video(data, MediaLimits()) as video:
        seconds = video.facts.duration_seconds
        table = FrameTable.from_packets(video.index, video.times, seconds)
    looks = Adaptive(max_gap_seconds=1.5).plan(table, table.span(None, None)).looks
    plan = DecodePlan.of(table, looks)
    position_of = {int(packet): i for i, packet in enumerate(table.packet)}
    shown: dict[int, int] = {}
    with av.open(io.BytesIO(data)) as source:
        stream = source.streams.video[0]
        context = stream.codec_context
        context.thread_count, context.copy_opaque = 1, True
        demuxed = [packet for packet in source.demux(stream) if packet.size]
        for run in plan.runs:
            frames = []
            for ordinal in run.packets(table).tolist():
                demuxed[ordinal].opaque = _Tag(ordinal)
                frames += context.decode(demuxed[ordinal])
            frames += context.decode(None)
            context.flush_buffers()
            for frame in frames:
                pixels = frame.to_ndarray(format="rgb24")
                shown[position_of[frame.opaque.ordinal]] = read_index(pixels)
    assert {look: shown.get(look) for look in looks} == {look: look for look in looks}
    assert plan.decoded < 80
