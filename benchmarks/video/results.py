"""The results file: what was measured, on what, with what. Plain data, written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from benchmarks import json_file
from benchmarks.machine import Commit, Machine

SCHEMA = 1

System = Literal[
    "original",
    "bare_loop",
    "every_frame",
    "api",
    "interval",
    "keyframes",
    "adaptive",
    "adaptive_stop",
]
"""The first two are no servers; ``api`` is ``/api/video-classification``, the others samplings of
``/v1/videos``. ``adaptive_stop`` is asked to stop with the first finding."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the run was made."""

    repeats: int
    quick: bool
    """A smoke test: its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """One of the clips."""

    bytes: int
    seconds: float
    frames: int
    width: int
    height: int
    gop: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Scores of one system beside another's, frame by frame."""

    frames: int
    """That were judged; the same number by both."""
    other_labels: int
    """Frames that only one of them flags."""
    worst: float
    """Largest absolute difference of two scores."""


@dataclass(frozen=True, slots=True)
class SpeedMeasurement:
    """One system on one clip, once."""

    clip: str
    model: str
    system: System
    repeat: int
    seconds: float
    """Of a server: from the first byte sent to the last one received."""
    frames: int
    """Of the clip, or of its part that was measured."""
    cpu_seconds: float
    """Of all processes of the system."""
    growth_bytes: int
    """Highest resident memory over idle, summed over all processes; shared pages are counted in
    each of them."""
    frames_decoded: int
    frames_classified: int
    first_finding_seconds: float | None = None
    edge_error_seconds: float | None = None
    """Of the one flagged interval's edges, the worse; None where it is not looked for."""
    agreement: Agreement | None = None
    """With the system that ``compared_with`` names."""
    compared_with: System | None = None

    @property
    def frames_per_second(self) -> float:
        """Whether looked at or not."""
        return self.frames / self.seconds


@dataclass(frozen=True, slots=True)
class StaticMeasurement:
    """A camera on a tripod: what ``interval`` and ``adaptive`` classify at the same gap."""

    repeat: int
    interval_classified: int
    adaptive_classified: int
    adaptive_reused: int


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """One video through the service, once. Memory is proportional: shared pages count once."""

    clip: str
    sampling: str
    repeat: int
    seconds: float
    upload_bytes: int
    idle_bytes: int
    growth_bytes: int
    """Peak over idle, with all that holds the upload."""


@dataclass(frozen=True, slots=True)
class CostMeasurement:
    """`adaptive` on a clip in which nothing is found, once."""

    gop_seconds: float
    max_gap_seconds: float
    video_seconds: float
    looks: int
    frames_decoded: int
    frames_classified: int
    seconds: float
    """With the model ``tiny``."""


@dataclass(frozen=True, slots=True)
class FairnessMeasurement:
    """Latencies of small requests by themselves, and beside a long `every_frame` video."""

    request: Literal["image", "short video"]
    repeat: int
    alone_p50_seconds: float
    alone_p95_seconds: float
    beside_p50_seconds: float
    beside_p95_seconds: float
    requests_beside: int


@dataclass(frozen=True, slots=True)
class RecallBin:
    """What one policy found of the flagged intervals of about one length."""

    policy: str
    at_least_seconds: float
    under_seconds: float
    clips: int
    found: int
    worst_edge_error_seconds: float | None
    """Of those found; None where none was."""
    mean_edge_error_seconds: float | None
    missed: tuple[int, ...]
    """Seeds of the clips whose interval was not found."""


@dataclass(frozen=True, slots=True)
class RecallPolicy:
    """What one policy cost over all clips, per minute of video."""

    policy: str
    clips: int
    video_seconds: float
    classified_per_minute: float
    decoded_per_minute: float
    seconds_per_minute: float
    """Wall-clock, with a model that costs nothing, two clips at a time."""
    false_alarms: int
    """Segments that overlap no flagged interval."""


@dataclass(frozen=True, slots=True)
class AdversarialOutcome:
    """Whether one policy found what one hostile clip hides."""

    clip: str
    policy: str
    runs: int
    found: int
    must_be_found: bool
    """False for single-frame flashes, which only `every_frame` is sure to find."""


@dataclass(slots=True)
class Results:
    """One run."""

    commit: Commit
    machine: Machine
    versions: dict[str, str]
    settings: Settings
    date: str
    run_seconds: float = 0.0
    clips: dict[str, ClipFacts] = field(default_factory=dict)
    speed: list[SpeedMeasurement] = field(default_factory=list)
    static: list[StaticMeasurement] = field(default_factory=list)
    memory: list[MemoryMeasurement] = field(default_factory=list)
    cost: list[CostMeasurement] = field(default_factory=list)
    fairness: list[FairnessMeasurement] = field(default_factory=list)
    recall: list[RecallBin] = field(default_factory=list)
    policies: list[RecallPolicy] = field(default_factory=list)
    adversarial: list[AdversarialOutcome] = field(default_factory=list)
    schema: int = SCHEMA


def write(results: Results, path: Path) -> None:
    """As JSON."""
    json_file.write(asdict(results), path)


def read(path: Path) -> Results:
    """What `write` wrote.

    Raises:
        ValueError: Another schema, or no results of this suite.
    """
    results = TypeAdapter(Results).validate_json(path.read_bytes())
    if results.schema != SCHEMA:
        raise ValueError(f"{path.name} has schema {results.schema}, not {SCHEMA}")
    return results
