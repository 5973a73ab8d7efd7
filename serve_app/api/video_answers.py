"""What ``/v1/videos`` answers: the analyst's events as plain JSON values."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict

from deployments.errors import ServiceError
from deployments.types import ImageFacts, VideoFacts
from deployments.video.analysis import (
    Analysis,
    AnalysisEvent,
    AnalysisRequest,
    LabelFound,
    Progress,
)
from deployments.video.timeline import LabelSummary
from serve_app.api.video_parameters import SETTINGS
from serve_app.schemas import Json


async def final_answer(
    events: AsyncGenerator[AnalysisEvent, None], request: AnalysisRequest
) -> dict[str, Json]:
    """The answer, once it is there; whatever comes before it is passed over.

    Args:
        events: The analyst's; closed when this returns.
        request: What the analyst was asked.
    """
    async with aclosing(told(events, request)) as stream:
        async for event in stream:
            if event.pop("event") == "result":
                return event
    raise ServiceError("The analysis ended without a result.")


async def told(
    events: AsyncGenerator[AnalysisEvent, None], request: AnalysisRequest
) -> AsyncGenerator[dict[str, Json], None]:
    """One JSON object for each event; closing it closes ``events``."""
    async with aclosing(events):
        async for event in events:
            match event:
                case Progress():
                    yield {"event": "progress", **asdict(event)}
                case LabelFound():
                    yield {"event": "finding", **asdict(event)}
                case Analysis():
                    yield {"event": "result", **_answer(event, request)}


def _answer(analysis: Analysis, request: AnalysisRequest) -> dict[str, Json]:
    answer: dict[str, Json] = {
        "model": {
            "name": request.model,
            "revision": analysis.revision,
            "flagged_labels": list(analysis.flagged_labels),
        },
        "flagged": analysis.flagged,
        "media": _media(analysis.facts),
        "labels": [_label(summary) for summary in analysis.labels],
        "segments": [asdict(segment) for segment in analysis.segments],
        "coverage": asdict(analysis.coverage),
        "policy": _policy(analysis, request),
    }
    if request.scores:
        answer["series"] = _series(analysis)
    if request.sheet:
        answer["sheet"] = None if analysis.sheet is None else _sheet(analysis.sheet)
    return answer


def _media(facts: VideoFacts | ImageFacts) -> dict[str, Json]:
    # An ImageFacts names its own type: here that of an animation.
    return {"type": "video", **asdict(facts)}


def _label(summary: LabelSummary) -> dict[str, Json]:
    return {
        "label": summary.label,
        "max_score": summary.max_score,
        "first": asdict(summary.first) if summary.first else None,
        "peak": asdict(summary.peak),
    }


def _policy(analysis: Analysis, request: AnalysisRequest) -> dict[str, Json]:
    own = dict(request.thresholds)
    policy: dict[str, Json] = {"sampling": analysis.coverage.sampling}
    if analysis.coverage.sampling == request.sampling:
        policy |= {name: getattr(request.settings, name) for name in SETTINGS[request.sampling]}
    return policy | {
        "thresholds": {
            summary.label: own.get(summary.label, request.score) for summary in analysis.labels
        },
        "min_segment_seconds": request.rules.min_seconds,
        "merge_gap_seconds": request.rules.merge_gap_seconds,
    }


def _series(analysis: Analysis) -> dict[str, Json]:
    """By columns: for plotting, and a fifth of the size that an object a look would have."""
    return {
        "frame": [look.frame for look in analysis.series],
        "time_seconds": [look.time_seconds for look in analysis.series],
        "reused": [look.reused for look in analysis.series],
        "scores": {
            summary.label: [look.scores[i] for look in analysis.series]
            for i, summary in enumerate(analysis.labels)
        },
    }


def _sheet(jpeg: bytes) -> dict[str, Json]:
    return {"media_type": "image/jpeg", "base64": base64.b64encode(jpeg).decode("ascii")}
