"""The policies that recall is measured of, and one clip through one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.video.recall.flag import MODEL, FlagClassifier
from deployments.video.analysis import Analysis, AnalysisRequest
from deployments.video.analyst import LocalVideoAnalyst
from deployments.video.decoding.pool import DecoderPool
from deployments.video.sampling.named import Sampling, SamplingSettings

_REQUEST = AnalysisRequest(MODEL.name, score=0.7)
POLICIES: Mapping[str, AnalysisRequest] = {
    "every_frame": replace(_REQUEST, sampling=Sampling.EVERY_FRAME),
    "adaptive": replace(_REQUEST, sampling=Sampling.ADAPTIVE),
    "adaptive, gap 0.5 s": replace(_REQUEST, settings=SamplingSettings(max_gap_seconds=0.5)),
    "adaptive, gap 2 s": replace(_REQUEST, settings=SamplingSettings(max_gap_seconds=2.0)),
    "keyframes": replace(_REQUEST, sampling=Sampling.KEYFRAMES),
    "interval": replace(_REQUEST, sampling=Sampling.INTERVAL),
}
"""By the name in results and charts; settings that are not named are the service's defaults."""


async def analysed(
    decoders: DecoderPool, data: bytes, request: AnalysisRequest, secret: bytes
) -> Analysis:
    """One clip through the service's own analyst and decoder processes.

    Args:
        decoders: See there.
        data: The file.
        request: The policy.
        secret: What the random looks follow from, so that a run can be repeated.
    """
    analyst = LocalVideoAnalyst(FlagClassifier(), decoders, secret)
    *_, last = [event async for event in analyst.analyse(data, request)]
    assert isinstance(last, Analysis)
    return last
