"""What becomes of an upload while it is analysed; what is answered is tested at the route."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.requests import Request

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.media.limits import MediaLimits
from deployments.types import Buffer
from deployments.video.analysis import AnalysisEvent, AnalysisRequest, Progress
from serve_app.animations import AnimationAnalyst
from serve_app.api.videos import MediaAnalyst

VIDEO = Path(__file__).parents[3] / "examples" / "samples" / "video.mp4"


class Upload(bytearray):
    """Bytes of which can be told whether anybody holds them."""


class Elsewhere:
    """Implements `VideoAnalyst` as a client does, which has sent the bytes before it answers."""

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        del data
        yield Progress(0.5, 0.5)
        yield Progress(1.0, 1.0)


async def test_an_upload_is_let_go_once_the_video_service_has_it() -> None:
    animations = AnimationAnalyst(FakeClassifier(), MediaLimits(), ThreadPoolExecutor(1))
    analyst = MediaAnalyst(Elsewhere(), animations, None, 2**30)
    upload = Upload(VIDEO.read_bytes())
    held = weakref.ref(upload)

    question = AnalysisRequest(FAKE_MODEL.name, score=0.7)
    events = analyst.analyse(upload, question, Request({"type": "http"}))
    del upload
    assert held() is not None
    await anext(events)

    assert held() is None
    await events.aclose()
