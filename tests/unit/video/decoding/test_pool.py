"""What a decoder process does to its own request, and what it cannot do to others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from functools import partial

import numpy as np
import pytest

from deployments.errors import (
    CorruptMediaError,
    MediaError,
    ServiceError,
    UndecodableMediaError,
    UnsupportedMediaError,
)
from deployments.media.decode_ahead import decode_ahead
from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from deployments.types import Buffer
from deployments.video.decoding.limits import DecoderLimits
from deployments.video.decoding.pool import DecoderPool
from deployments.video.decoding.process import DecoderProcess
from deployments.video.decoding.slots import MOST_SLOTS
from deployments.video.sampling.decode_plan import DecodePlan
from tests.assets.decoders import BAD_FRAMES
from tests.assets.videos import PAIRS, make_video, packet_like, read_index, remux

GOOD = make_video(frames=20)
BAD = make_video(frames=BAD_FRAMES)


@contextmanager
def pool_of(
    module: str, processes: int = 1, limits: DecoderLimits | None = None
) -> Iterator[DecoderPool]:
    spawn = partial(DecoderProcess, module=f"tests.assets.decoders.{module}")
    pool = DecoderPool(processes, MediaLimits(), limits, spawn)
    try:
        yield pool
    finally:
        pool.close()


async def indexes(pool: DecoderPool, data: Buffer) -> list[int]:
    """The painted index of every frame."""
    async with pool.open(data) as video:
        runs = DecodePlan.of(video.table, range(len(video.table))).runs

        def draw() -> Iterator[int]:
            return (read_index(seen.pixels) for seen in video.reader.read(runs))

        frames = decode_ahead(draw, video.executor, 1, video.reader.interrupt)
        async with aclosing(frames) as seen:
            return [index async for index in seen]


async def test_frames_are_those_that_this_process_would_decode(decoders: DecoderPool) -> None:
    data = make_video("mkv", "hevc", frames=30, b_frames=2, width=322, height=178, rotation=90)
    with open_video(data, MediaLimits()) as here:
        expected = [(f.index, f.pts_seconds, f.pixels) for f in here.frames()]
    async with decoders.open(data) as video:
        assert video.facts == here.facts
        everything = DecodePlan.of(video.table, range(30)).runs
        for frames in (video.reader.read_all(1), video.reader.read(everything)):
            for (index, seconds, pixels), seen in zip(expected, frames, strict=True):
                assert (seen.position, seen.seconds) == (index, pytest.approx(seconds))
                assert np.array_equal(seen.pixels, pixels)
        assert video.decoded == 60


@pytest.mark.parametrize(("container", "codec"), PAIRS)
async def test_every_format_is_read_where_no_file_can_be_opened(
    decoders: DecoderPool, container: str, codec: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = make_video(container, codec, frames=12, b_frames=2, audio_seconds=1)
    assert await indexes(decoders, data) == list(range(12))
    for part in (0.3, 0.6, 0.9):
        with pytest.raises((CorruptMediaError, UnsupportedMediaError)):
            await indexes(decoders, data[: int(len(data) * part) | 1])
    assert not caplog.records  # an error that was not foreseen is logged


async def test_a_size_that_grows_on_the_way_gets_more_shared_memory(decoders: DecoderPool) -> None:
    small, large = (make_video("webm", "vp8", width=width, frames=5) for width in (160, 640))
    later: list = []
    remux(large, "webm", lambda packets: later.extend(packets) or packets)

    def append(packets: list) -> list:
        return [*packets, *(packet_like(p, bytes(p), p.pts + 1000) for p in later)]

    async with decoders.open(remux(small, "webm", append)) as video:
        widths = [seen.pixels.shape[1] for seen in video.reader.read_all(1)]
    assert widths == [160] * 5 + [640] * 5


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n", UnsupportedMediaError),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", UnsupportedMediaError),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n", UnsupportedMediaError),
        (b"", UnsupportedMediaError),
        (GOOD[: len(GOOD) // 2], CorruptMediaError),
    ],
    ids=["playlist", "ffconcat", "sdp", "empty", "cut"],
)
async def test_what_is_refused_here_is_refused_there(
    decoders: DecoderPool, data: bytes, error: type[MediaError]
) -> None:
    with pytest.raises(error):
        await indexes(decoders, data)
    assert await indexes(decoders, GOOD) == list(range(20))


@pytest.mark.parametrize(
    ("module", "limits", "error", "reason"),
    [
        ("crashing", DecoderLimits(), UndecodableMediaError, "broke off"),
        ("hanging", DecoderLimits(stall_seconds=0.5), UndecodableMediaError, "standstill"),
        ("spinning", DecoderLimits(cpu_seconds=0.5), UndecodableMediaError, "too much time"),
        ("spinning", DecoderLimits(busy_seconds=0.5), UndecodableMediaError, "too much time"),
        ("greedy", DecoderLimits(memory_bytes=2**28), UndecodableMediaError, "memory"),
        ("prying", DecoderLimits(), CorruptMediaError, "cannot be decoded"),
    ],
)
async def test_a_bad_decoder_costs_its_own_request_and_nothing_else(
    module: str, limits: DecoderLimits, error: type[MediaError], reason: str
) -> None:
    with pool_of(module, 2, limits) as pool:
        bad, good = await asyncio.gather(
            indexes(pool, BAD), indexes(pool, GOOD), return_exceptions=True
        )
        assert isinstance(bad, error)
        assert reason in str(bad)
        assert good == list(range(20))
        again = await asyncio.gather(*(indexes(pool, GOOD) for _ in range(3)))
        assert again == [list(range(20))] * 3


async def test_a_decoder_that_does_not_stop_when_told_is_replaced() -> None:
    with pool_of("hanging") as pool:
        reached = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with pool.open(BAD) as video:
            hanging = video.reader.pid
            runs = DecodePlan.of(video.table, range(BAD_FRAMES)).runs

            def draw() -> Iterator[int]:
                for seen in video.reader.read(runs):
                    loop.call_soon_threadsafe(reached.set)
                    yield seen.position

            frames = decode_ahead(draw, video.executor, 1, video.reader.interrupt)
            async with aclosing(frames) as seen:
                assert await anext(seen) == 0
        assert await indexes(pool, GOOD) == list(range(20))
        async with pool.open(GOOD) as video:
            assert video.reader.pid != hanging


async def test_videos_beyond_the_processes_wait_for_their_turn(decoders: DecoderPool) -> None:
    found = await asyncio.gather(*(indexes(decoders, GOOD) for _ in range(5)))
    assert found == [list(range(20))] * 5


async def test_who_stops_waiting_takes_no_turn(decoders: DecoderPool) -> None:
    async with decoders.open(GOOD), decoders.open(GOOD):
        waiting = asyncio.create_task(indexes(decoders, GOOD))
        await asyncio.sleep(0)  # lets it begin
        assert decoders.is_contested
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not decoders.is_contested
    assert await indexes(decoders, GOOD) == list(range(20))


async def test_a_helper_decodes_the_same_video_while_one_is_idle(decoders: DecoderPool) -> None:
    async with decoders.open(GOOD) as video:
        async with video.helper() as helper, video.helper() as none:
            assert helper is not None
            assert none is None
            runs = DecodePlan.of(video.table, [3, 17]).runs
            assert [read_index(seen.pixels) for seen in helper.read(runs)] == [3, 17]
        assert video.decoded == DecodePlan(runs).decoded


async def test_a_helper_is_recalled_when_a_video_waits_and_its_job_ends_early(
    decoders: DecoderPool,
) -> None:
    async with decoders.open(GOOD) as video:
        runs = DecodePlan.of(video.table, range(20)).runs
        async with video.helper() as helper:
            assert helper is not None
            frames = helper.read(runs)
            seen = [next(frames).position]
            waiting = asyncio.create_task(indexes(decoders, GOOD))
            await asyncio.sleep(0)  # lets it begin
            assert helper.is_recalled
            assert not video.reader.is_recalled
            seen += [frame.position for frame in frames]
            # It hears of it before there is room for more, but for the frame at hand.
            assert seen == list(range(len(seen)))
            assert len(seen) <= MOST_SLOTS + 1
            assert len(list(helper.read(runs))) <= MOST_SLOTS + 1
        assert await waiting == list(range(20))
        assert not helper.is_recalled
        assert await indexes(decoders, GOOD) == list(range(20))


async def test_as_many_helpers_are_recalled_as_videos_wait() -> None:
    with pool_of("crashing", 3) as pool:
        async with pool.open(GOOD) as video:
            async with video.helper() as one, video.helper() as other:
                helpers = [one, other]
                waiting = []
                for expected in (1, 2, 2):
                    waiting.append(asyncio.create_task(indexes(pool, GOOD)))
                    await asyncio.sleep(0)  # lets it begin
                    assert sum(helper.is_recalled for helper in helpers) == expected
            assert await asyncio.gather(*waiting) == [list(range(20))] * 3


async def test_who_stopped_waiting_had_a_helper_recalled_for_the_next() -> None:
    with pool_of("crashing", 3) as pool:
        async with pool.open(GOOD) as video:
            async with video.helper() as one, video.helper() as other:
                helpers = [one, other]
                first = asyncio.create_task(indexes(pool, GOOD))
                await asyncio.sleep(0)  # lets it begin
                first.cancel()
                await asyncio.wait([first])
                second = asyncio.create_task(indexes(pool, GOOD))
                await asyncio.sleep(0)
                assert sum(helper.is_recalled for helper in helpers) == 1
            assert await second == list(range(20))


async def test_a_decoder_that_cannot_start_is_the_services_fault() -> None:
    with pool_of("missing") as pool, pytest.raises(ServiceError) as caught:
        await indexes(pool, GOOD)
    assert not isinstance(caught.value, MediaError)


async def test_no_thread_and_no_process_is_left_behind() -> None:
    before = threading.active_count()
    with pool_of("crashing") as pool:
        assert await indexes(pool, GOOD) == list(range(20))
        async with pool.open(GOOD) as video:
            process = video.reader
    assert not process.is_alive
    assert threading.active_count() == before
