"""Timestamps that lie: no frame is left out because of them, and none is taken for another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.errors import CorruptMediaError
from deployments.video.analysis import Analysis, AnalysisRequest
from deployments.video.analyst import LocalVideoAnalyst
from deployments.video.decoding.pool import DecoderPool
from deployments.video.sampling.named import Sampling
from tests.assets.hostile.crafted_matroska import retimed
from tests.assets.videos import make_video, paint_flagged

RED, BLUE = (255, 0, 0), (0, 0, 200)
REQUEST = AnalysisRequest(FAKE_MODEL.name, 0.5, sampling=Sampling.EVERY_FRAME)
FRAMES = 40


@pytest.fixture
def clip() -> bytes:
    """One group of pictures, red from its middle on."""
    half = FRAMES // 2
    return make_video(
        "webm", "vp8", frames=FRAMES, gop=1000, paint=paint_flagged(half, FRAMES, RED, BLUE)
    )


async def analyse(decoders: DecoderPool, data: bytes) -> Analysis:
    analyst = LocalVideoAnalyst(FakeClassifier(), decoders)
    *_, last = [event async for event in analyst.analyse(data, REQUEST)]
    assert isinstance(last, Analysis)
    return last


@pytest.mark.parametrize("scale", [1, 100, 1_000_000])
async def test_frames_that_follow_within_no_time_are_all_looked_at(
    decoders: DecoderPool, clip: bytes, scale: int
) -> None:
    found = await analyse(decoders, retimed(clip, range(FRAMES), scale=scale))
    assert found.coverage.frames_classified == FRAMES
    assert found.flagged


async def test_frames_at_one_time_are_all_looked_at(decoders: DecoderPool, clip: bytes) -> None:
    found = await analyse(decoders, retimed(clip, [0] * FRAMES))
    assert found.coverage.frames_classified == FRAMES
    assert found.flagged


@pytest.mark.parametrize(
    "times",
    [
        [9000, *range(0, 40 * (FRAMES - 1), 40)],
        list(range(40 * FRAMES, 0, -40)),
        [*range(5000, 6000, 50), *range(0, 1000, 50)],
        [*range(0, 10_000, 500), *range(250, 10_250, 500)],
        [*range(0, 1000, 50), *[2**64 - 1] * (FRAMES // 2)],
    ],
    ids=[
        "the first last",
        "backwards",
        "the end first",
        "the end between the others",
        "none at the end",
    ],
)
@pytest.mark.parametrize("sampling", [Sampling.EVERY_FRAME, Sampling.ADAPTIVE])
async def test_what_timestamps_would_hide_is_refused(
    decoders: DecoderPool, clip: bytes, times: list[int], sampling: Sampling
) -> None:
    analyst = LocalVideoAnalyst(FakeClassifier(), decoders)
    with pytest.raises(CorruptMediaError, match="backwards"):
        async for _ in analyst.analyse(retimed(clip, times), replace(REQUEST, sampling=sampling)):
            pass
