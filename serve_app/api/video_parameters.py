"""Query parameters of ``/v1/videos``, and the request that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from deployments.errors import InvalidParameterError
from deployments.video.analysis import AnalysisRequest
from deployments.video.sampling.named import SHORTEST_SECONDS, Sampling, SamplingSettings
from deployments.video.timeline import SegmentRules

_DEFAULTS = SamplingSettings()

SETTINGS: Mapping[Sampling, tuple[str, ...]] = {
    Sampling.ADAPTIVE: ("max_gap_seconds", "edge_seconds"),
    Sampling.EVERY_FRAME: (),
    Sampling.INTERVAL: ("interval_seconds",),
    Sampling.KEYFRAMES: ("max_gap_seconds",),
}
"""The parameters that concern each sampling."""


def _split(value: object) -> object:
    """``a,b`` is the same as giving ``a`` and ``b``."""
    if not isinstance(value, list):
        return value
    return [
        part.strip() if isinstance(part, str) else part
        for item in value
        for part in (item.split(",") if isinstance(item, str) else [item])
    ]


Include = Annotated[list[Literal["scores", "sheet"]], BeforeValidator(_split)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Step = Annotated[float, Field(ge=SHORTEST_SECONDS, allow_inf_nan=False)]


class VideosParameters(BaseModel):
    """Query parameters of ``/v1/videos``."""

    model_config = ConfigDict(extra="forbid")

    model_name: str | None = Field(
        None, min_length=1, description="Model to ask; omitted: the default model."
    )
    labels: list[str] | None = Field(
        None,
        description="Labels to look for (repeat it); omitted: the model's flagged labels, or all "
        "its labels where it has none. `flagged` always follows the model's flagged labels.",
    )
    score: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Threshold of the labels; omitted: the service's `DEFAULT_SCORE`.",
    )
    threshold: list[str] | None = Field(
        None,
        description="`label:score`, the threshold of one label (repeat it for others); it wins "
        "over `score`.",
    )
    sampling: Sampling = Field(
        Sampling.ADAPTIVE,
        description="Which frames are looked at. `adaptive`: as many as it takes to keep "
        "`max_gap_seconds` and to see every scene, and more around what is found; `every_frame`; "
        "`interval`: one every `interval_seconds`; `keyframes`: those, and more where they lie "
        "farther apart than `max_gap_seconds`. Of animated images every frame is looked at.",
    )
    max_gap_seconds: Step = Field(
        _DEFAULTS.max_gap_seconds,
        description="`adaptive`, `keyframes`: no longer time between two looks.",
    )
    interval_seconds: Step = Field(
        _DEFAULTS.interval_seconds, description="`interval`: time between two looks."
    )
    edge_seconds: Step = Field(
        _DEFAULTS.edge_seconds, description="`adaptive`: how well edges of segments are known."
    )
    start_seconds: Seconds | None = Field(
        None, description="Look from here on, in presentation time; omitted: from the first frame."
    )
    end_seconds: Seconds | None = Field(
        None, description="Look no further than this; omitted: to the last frame."
    )
    stop_on_first: bool = Field(
        False,
        description="Stop as soon as any of the labels looked for is found; the answer is then "
        "not complete. To stop on one label only, look for that one.",
    )
    min_segment_seconds: Seconds = Field(
        0.0, description="Leave out shorter segments, and do not flag because of them."
    )
    merge_gap_seconds: Seconds = Field(
        0.0, description="Make segments of one label that are no farther apart one segment."
    )
    include: Include | None = Field(
        None,
        description="Add to the answer (repeat it, or separate by commas): `scores`, the scores "
        "of every look, for plotting; `sheet`, a contact sheet of the peaks as a JPEG.",
    )
    blur: bool = Field(True, description="`include=sheet`: blur the pictures of the sheet.")

    def request(self, default_model: str, default_score: float) -> AnalysisRequest:
        """What is asked of the analyst.

        Args:
            default_model: Where none is named.
            default_score: Where none is given.

        Raises:
            InvalidParameterError: Parameters that contradict each other, or a malformed one.
        """
        self._check_settings()
        start, end = self.start_seconds, self.end_seconds
        if end is not None and end <= (start or 0.0):
            raise InvalidParameterError("end_seconds must be greater than start_seconds.")
        include = self.include or []
        return AnalysisRequest(
            model=self.model_name or default_model,
            score=default_score if self.score is None else self.score,
            labels=tuple(self.labels) if self.labels else None,
            thresholds=_thresholds(self.threshold or []),
            sampling=self.sampling,
            settings=SamplingSettings(
                max_gap_seconds=self.max_gap_seconds,
                interval_seconds=self.interval_seconds,
                edge_seconds=self.edge_seconds,
            ),
            rules=SegmentRules(self.min_segment_seconds, self.merge_gap_seconds),
            start_seconds=start,
            end_seconds=end,
            stop_on_first=self.stop_on_first,
            scores="scores" in include,
            sheet="sheet" in include,
            blur=self.blur,
        )

    def _check_settings(self) -> None:
        # A default that was sent says nothing: the form of /docs sends all of them.
        for name in sorted({name for names in SETTINGS.values() for name in names}):
            given = getattr(self, name) != getattr(_DEFAULTS, name)
            if given and name not in SETTINGS[self.sampling]:
                raise InvalidParameterError(
                    f"{name} has no meaning with sampling={self.sampling.value}."
                )
        if not self.blur and "sheet" not in (self.include or []):
            raise InvalidParameterError("blur has no meaning without include=sheet.")


def _thresholds(given: list[str]) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for item in given:
        # From the right: labels may have colons.
        label, colon, text = item.rpartition(":")
        try:
            score = float(text)
        except ValueError:
            score = float("nan")
        if not (colon and label and 0 <= score <= 1):
            raise InvalidParameterError(
                f"threshold: {item!r} is not a label, a colon and a score from 0 to 1."
            )
        if label in found:
            raise InvalidParameterError(f"threshold: {label!r} came more than once.")
        found[label] = score
    return tuple(found.items())
