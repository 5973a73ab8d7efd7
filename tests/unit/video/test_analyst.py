"""Whole analyses of real files: what every policy finds, what it costs, how it ends."""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier, fake_model, redness_scores
from deployments.errors import (
    CorruptMediaError,
    InferenceError,
    InvalidParameterError,
    UnknownLabelError,
)
from deployments.media.fit import fit
from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from deployments.types import FitMode, Frames, InputSpec, Scores
from deployments.verdicts import LabelQuery
from deployments.video.analysis import (
    Analysis,
    AnalysisEvent,
    AnalysisRequest,
    LabelFound,
    Progress,
)
from deployments.video.analyst import LocalVideoAnalyst
from deployments.video.decoding.pool import DecoderPool
from deployments.video.finder import LocalVideoFinder
from deployments.video.sampling.named import Sampling, SamplingSettings
from tests.assets.videos import make_video, paint_flagged, paint_noise

SECRET = b"known to the tests"
RED, BLUE = (255, 0, 0), (0, 0, 200)
REQUEST = AnalysisRequest(FAKE_MODEL.name, 0.5)


def flagged_video(first: int, end: int, container: str = "mp4", **options) -> bytes:
    """Six seconds at 20 fps, red from frame ``first`` up to ``end``."""
    made = {"frames": 120, "fps": 20, "gop": 40, "paint": paint_flagged(first, end, RED, BLUE)}
    return make_video(container, **{**made, **options})


async def events_of(
    decoders: DecoderPool,
    data: bytes,
    request: AnalysisRequest = REQUEST,
    classifier: FakeClassifier | None = None,
    secret: bytes = SECRET,
) -> list[AnalysisEvent]:
    analyst = LocalVideoAnalyst(classifier or FakeClassifier(), decoders, secret)
    return [event async for event in analyst.analyse(data, request)]


async def analysis_of(*args, **kwargs) -> Analysis:
    *_, last = await events_of(*args, **kwargs)
    assert isinstance(last, Analysis)
    return last


ENCODINGS = [
    ("mp4", {"codec": "h264", "b_frames": 2}),
    ("mp4", {"codec": "h264", "b_frames": 2, "gop": 1000}),
    ("mp4", {"codec": "h264", "gop": 5}),
    ("mkv", {"codec": "hevc", "b_frames": 2}),
    ("webm", {"codec": "vp9"}),
    ("webm", {"codec": "vp8"}),
    ("mp4", {"codec": "av1"}),
    ("mov", {"codec": "mjpeg"}),
    ("ts", {"codec": "mpeg2video", "b_frames": 2}),
    ("avi", {"codec": "mpeg4", "b_frames": 2}),
]


@pytest.mark.parametrize(("container", "options"), ENCODINGS, ids=str)
async def test_adaptive_finds_what_lasts_longer_than_the_gap_and_knows_its_edges(
    decoders: DecoderPool, container: str, options: dict
) -> None:
    found = await analysis_of(decoders, flagged_video(47, 71, container, **options))
    (segment,) = found.segments
    assert segment.start_seconds == pytest.approx(47 / 20, abs=0.1)
    assert segment.end_seconds == pytest.approx(71 / 20, abs=0.1)
    assert segment.start_frame == pytest.approx(48, abs=2)
    assert found.flagged
    assert found.coverage.complete
    assert found.coverage.largest_gap_seconds <= 1.0 + 1e-6
    assert found.coverage.frames_classified < 40


@pytest.mark.parametrize(("container", "options"), ENCODINGS, ids=str)
@pytest.mark.parametrize("sampling", [Sampling.INTERVAL, Sampling.KEYFRAMES])
async def test_steady_policies_find_what_lasts_longer_than_their_gap(
    decoders: DecoderPool, container: str, options: dict, sampling: Sampling
) -> None:
    request = replace(REQUEST, sampling=sampling)
    found = await analysis_of(decoders, flagged_video(47, 71, container, **options), request)
    (segment,) = found.segments
    assert segment.start_seconds <= 71 / 20
    assert segment.end_seconds >= 47 / 20
    assert found.coverage.frames_reused == 0


@pytest.mark.parametrize("container", ["mp4", "avi", "ts"])
async def test_every_frame_gives_the_scores_of_a_plain_decode(
    decoders: DecoderPool, container: str
) -> None:
    data = make_video(container, "h264", frames=70, gop=12, b_frames=2, paint=paint_noise)
    with open_video(data, MediaLimits()) as video:
        expected = [
            redness_scores(fit(frame.pixels, FAKE_MODEL.input)[None], 2)[0, 1].item()
            for frame in video.frames()
        ]
    request = replace(REQUEST, sampling=Sampling.EVERY_FRAME, scores=True)
    found = await analysis_of(decoders, data, request)
    assert [look.frame for look in found.series] == list(range(1, 71))
    assert [look.scores[0] for look in found.series] == expected
    assert found.coverage.frames_decoded == found.coverage.frames_classified == 70


async def test_where_keyframes_are_none_the_video_is_decoded_once_and_not_once_a_part(
    decoders: DecoderPool,
) -> None:
    """Streams that refresh bit by bit have marks to begin at behind which nothing is whole yet."""
    options = {"x264-params": "intra-refresh=1"}
    data = make_video("ts", frames=300, gop=12, paint=paint_noise, encoder_options=options)
    found = await analysis_of(decoders, data, replace(REQUEST, sampling=Sampling.EVERY_FRAME))
    assert found.coverage.frames_classified == 300
    assert found.coverage.frames_decoded < 3 * 300


async def test_every_frame_has_exact_edges_and_agrees_with_the_finder(
    decoders: DecoderPool,
) -> None:
    data = flagged_video(33, 34)
    found = await analysis_of(decoders, data, replace(REQUEST, sampling=Sampling.EVERY_FRAME))
    (segment,) = found.segments
    assert (segment.start_frame, segment.end_frame) == (34, 34)
    finder = LocalVideoFinder(FakeClassifier(), decoders)
    ((first,),) = await finder.find(data, [LabelQuery(FAKE_MODEL.name, None, 0.5)])
    assert first.frame == 34
    assert first.score == pytest.approx(segment.peak_score)


async def test_on_a_static_camera_four_looks_in_five_are_saved(decoders: DecoderPool) -> None:
    data = make_video(
        frames=600, fps=10, gop=20, width=64, height=48, paint=paint_flagged(0, 0, RED, BLUE)
    )
    found = await analysis_of(decoders, data)
    interval = await analysis_of(decoders, data, replace(REQUEST, sampling=Sampling.INTERVAL))
    assert found.coverage.frames_classified <= interval.coverage.frames_classified / 5
    assert found.coverage.largest_gap_seconds <= 1.0 + 1e-6
    assert found.segments == ()
    assert found.flagged is False


async def test_no_frame_that_no_look_needs_is_decoded(decoders: DecoderPool) -> None:
    data = make_video(frames=200, fps=10, gop=10, paint=paint_flagged(0, 0, RED, BLUE))
    request = replace(REQUEST, sampling=Sampling.KEYFRAMES)
    found = await analysis_of(decoders, data, request)
    assert found.coverage.frames_decoded == found.coverage.frames_classified == 20


async def test_news_come_while_it_runs_and_the_answer_last(decoders: DecoderPool) -> None:
    events = await events_of(decoders, flagged_video(40, 60))
    (found,) = (event for event in events if isinstance(event, LabelFound))
    assert found.label == "nsfw"
    assert 41 <= found.frame <= 60
    assert found.time_seconds == pytest.approx((found.frame - 1) / 20)
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert [type(event) for event in events].count(Analysis) == 1
    assert isinstance(events[-1], Analysis)


@pytest.mark.parametrize("sampling", list(Sampling))
async def test_stopping_on_the_first_hit_leaves_the_rest_unseen(
    decoders: DecoderPool, sampling: Sampling
) -> None:
    data = make_video(
        frames=1500, fps=25, gop=50, width=64, height=48, paint=paint_flagged(50, 100, RED, BLUE)
    )
    request = replace(REQUEST, sampling=sampling, stop_on_first=True)
    classifier = FakeClassifier()
    events = await events_of(decoders, data, request, classifier)
    found = events[-1]
    assert isinstance(found, Analysis)
    assert found.flagged
    assert not found.coverage.complete
    assert found.coverage.frames_decoded < 1500
    assert found.segments[0].start_frame <= 100
    assert any(isinstance(event, LabelFound) for event in events)


async def test_only_the_range_is_looked_at(decoders: DecoderPool) -> None:
    data = flagged_video(20, 30)
    request = replace(
        REQUEST, sampling=Sampling.EVERY_FRAME, start_seconds=2.0, end_seconds=4.0, scores=True
    )
    found = await analysis_of(decoders, data, request)
    assert [look.frame for look in found.series] == list(range(41, 81))
    assert not found.flagged
    with pytest.raises(InvalidParameterError):
        await analysis_of(decoders, data, replace(request, start_seconds=9.0, end_seconds=10.0))


async def test_where_adaptive_looks_depends_on_a_secret_and_on_the_file(
    decoders: DecoderPool,
) -> None:
    data = make_video(frames=120, fps=20, gop=1000, paint=paint_noise, width=64, height=48)
    request = replace(REQUEST, scores=True)

    async def looks(secret: bytes, file: bytes = data) -> list[int]:
        found = await analysis_of(decoders, file, request, secret=secret)
        return [look.frame for look in found.series]

    assert await looks(b"one") == await looks(b"one")
    assert await looks(b"one") != await looks(b"another")
    assert await looks(b"one") != await looks(b"one", data + b"\0\0\0\x08free")


async def test_labels_have_thresholds_of_their_own(decoders: DecoderPool) -> None:
    model = fake_model("many", ("calm", "mild", "red"), ("red",))
    data = flagged_video(40, 80, paint=paint_flagged(40, 80, (170, 0, 0), BLUE))
    request = AnalysisRequest("many", 0.9, ("red", "mild"), (("red", 0.5),), Sampling.EVERY_FRAME)
    found = await analysis_of(decoders, data, request, FakeClassifier([model]))
    assert {segment.label for segment in found.segments} == {"red"}
    assert [summary.label for summary in found.labels] == ["red", "mild"]
    with pytest.raises(UnknownLabelError):
        await analysis_of(
            decoders, data, replace(request, labels=("blue",)), FakeClassifier([model])
        )


async def test_a_model_that_takes_whole_frames_gets_them(decoders: DecoderPool) -> None:
    whole = replace(FAKE_MODEL, input=InputSpec(FitMode.WHOLE, 32, 32))
    found = await analysis_of(decoders, flagged_video(47, 71), REQUEST, FakeClassifier([whole]))
    (segment,) = found.segments
    assert segment.start_seconds == pytest.approx(47 / 20, abs=0.1)


async def test_the_contact_sheet_shows_the_peaks_blurred_unless_told_not_to(
    decoders: DecoderPool,
) -> None:
    def stripes(index: int, height: int, width: int) -> np.ndarray:
        picture = np.zeros((height, width, 3), np.uint8)
        picture[:, ::2, 0] = 255
        picture[:, : width // 2] = (255, 0, 0) if 40 <= index < 80 else (0, 0, 90)
        return picture

    request = replace(REQUEST, score=0.3, sheet=True)
    data = flagged_video(0, 0, paint=stripes)
    blurred = await analysis_of(decoders, data, request)
    sharp = await analysis_of(decoders, data, replace(request, blur=False))
    assert len(blurred.segments) == 1
    detail = []
    for found in (blurred, sharp):
        with Image.open(io.BytesIO(found.sheet)) as sheet:
            assert sheet.format == "JPEG"
            assert sheet.size == (320, 204)
            pixels = np.asarray(sheet.convert("RGB"), int)[:180]
        assert pixels[60:120, 60:100, 0].mean() > 150
        detail.append(np.abs(np.diff(pixels, axis=1)).mean())
    assert detail[0] < detail[1] / 2
    nothing = await analysis_of(decoders, flagged_video(0, 0), request)
    assert nothing.sheet is None


async def test_damage_is_an_error_and_not_a_shorter_answer(decoders: DecoderPool) -> None:
    data = bytearray(make_video(frames=60, gop=10, paint=paint_noise))
    at = len(data) // 2
    data[at : at + 64] = bytes(64)
    with pytest.raises(CorruptMediaError):
        await analysis_of(decoders, bytes(data), replace(REQUEST, sampling=Sampling.EVERY_FRAME))


async def test_a_model_that_fails_ends_the_analysis(decoders: DecoderPool) -> None:
    classifier = FakeClassifier()
    classifier.fail(FAKE_MODEL.name, InferenceError("no"))
    with pytest.raises(InferenceError):
        await analysis_of(decoders, flagged_video(0, 0), REQUEST, classifier)
    assert not decoders.is_contested


class Stuck(FakeClassifier):
    """Answers once, and then not any more."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        if self.calls:
            self.reached.set()
            await asyncio.Event().wait()
        return await super().classify(model, frames)


@pytest.mark.parametrize("sampling", [Sampling.ADAPTIVE, Sampling.EVERY_FRAME])
async def test_closing_it_cancels_the_work_and_frees_the_decoders(
    decoders: DecoderPool, sampling: Sampling
) -> None:
    classifier = Stuck()
    data = make_video(frames=600, fps=20, gop=20, paint=paint_noise, width=96, height=64)
    analyst = LocalVideoAnalyst(classifier, decoders)

    async def consume() -> None:
        async with aclosing(analyst.analyse(data, replace(REQUEST, sampling=sampling))) as events:
            async for _ in events:
                pass

    client = asyncio.create_task(consume())
    await classifier.reached.wait()
    client.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client
    calls = len(classifier.calls)
    # Both processes are to be had, which they would not be if the work went on.
    async with decoders.open(data), decoders.open(data):
        assert len(classifier.calls) == calls


async def test_analyses_share_the_decoders(decoders: DecoderPool) -> None:
    data = flagged_video(47, 71)
    settings = SamplingSettings(max_gap_seconds=0.5)
    found = await asyncio.gather(
        *(analysis_of(decoders, data, replace(REQUEST, settings=settings)) for _ in range(4))
    )
    assert all(len(analysis.segments) == 1 for analysis in found)
