"""What came of one file."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict

from vigil_cli.classify.sources import Source
from vigil_client.models import ImageResult, ModelUsed, Problem, VideoAnswer

_URN = "urn:vigil:command:"


class Outcome(BaseModel):
    """One of ``image``, ``video`` and ``problem``."""

    model_config = ConfigDict(frozen=True)

    file: str
    size: int
    modified_ns: int
    model: ModelUsed | None = None
    image: ImageResult | None = None
    video: VideoAnswer | None = None
    problem: Problem | None = None

    @classmethod
    def of_image(cls, source: Source, model: ModelUsed, result: ImageResult) -> Outcome:
        """An image that was classified."""
        return cls(
            file=source.name,
            size=source.size,
            modified_ns=source.modified_ns,
            model=model,
            image=result,
        )

    @classmethod
    def of_video(cls, source: Source, answer: VideoAnswer) -> Outcome:
        """A video that was analysed."""
        return cls(
            file=source.name,
            size=source.size,
            modified_ns=source.modified_ns,
            model=answer.model,
            video=answer,
        )

    @classmethod
    def of_problem(cls, source: Source, problem: Problem) -> Outcome:
        """A file that was not classified."""
        return cls(
            file=source.name, size=source.size, modified_ns=source.modified_ns, problem=problem
        )

    def is_of(self, source: Source) -> bool:
        """Whether the file is still the one that was classified."""
        same = (self.file, self.size, self.modified_ns)
        return same == (source.name, source.size, source.modified_ns)

    @property
    def scores(self) -> dict[str, float]:
        """Score of each label that the answer tells of, the highest over all frames."""
        if self.image is not None:
            return {entry.label: entry.score for entry in self.image.labels}
        if self.video is not None:
            return {entry.label: entry.max_score for entry in self.video.labels}
        return {}


@dataclass(frozen=True, slots=True)
class FlagRule:
    """What counts as flagged."""

    labels: Sequence[str] | None
    """Labels that flag; None: the model's flagged labels, by the service's own verdict."""
    threshold: float

    def is_flagged(self, outcome: Outcome) -> bool | None:
        """The verdict; None where there is none."""
        if outcome.image is not None:
            if self.labels is None:
                return outcome.image.flagged
            # The service compares its single-precision scores with the threshold in single
            # precision.
            (threshold,) = struct.unpack("f", struct.pack("f", self.threshold))
            return any(score >= threshold for score in outcome.scores.values())
        if outcome.video is not None:
            if self.labels is None:
                return outcome.video.flagged
            return any(segment.label in self.labels for segment in outcome.video.segments)
        return None


def local_problem(code: str, detail: str) -> Problem:
    """A problem that the service never heard of."""
    return Problem(
        type=_URN + code, title="Not sent", status=int(HTTPStatus.BAD_REQUEST), detail=detail
    )
