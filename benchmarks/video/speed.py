"""Speed: Vigil's service, the original's algorithm and the bare loop, in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from benchmarks.json_file import Json
from benchmarks.model_kind import ModelKind
from benchmarks.servers import Server
from benchmarks.video.agreement import agreement, edge_error_seconds, first_frames_differing
from benchmarks.video.client import AnswerError, analyse, find
from benchmarks.video.clips import BASE, BASE_SHORT, CLEAR, SHORT, SPEED, WARM, Clip
from benchmarks.video.results import SpeedMeasurement, System
from benchmarks.video.service import TINY, VIT_BASE, vigil
from benchmarks.video.session import Session
from benchmarks.video.systems.run import measured
from benchmarks.video.usage import usage_of

THRESHOLD = 0.7
_NEVER = 1.0
"""No score reaches it, so that ``/api`` has to look at every frame."""
_GOP_60, _GOP_600, _GOP_30 = SPEED

Plan: TypeAlias = Sequence[tuple[Clip, tuple[System, ...]]]
TINY_PLAN: Plan = (
    (_GOP_60, ("bare_loop", "every_frame", "adaptive", "adaptive_stop")),
    (_GOP_600, ("bare_loop", "every_frame", "adaptive")),
    # What the keyframes alone take bounds what any closer look can.
    (_GOP_30, ("every_frame", "keyframes", "adaptive")),
    (CLEAR, ("every_frame", "adaptive")),
    # The original's algorithm takes minutes for the long ones.
    (SHORT, ("original", "every_frame", "api")),
)
BASE_PLAN: Plan = (
    (BASE, ("adaptive",)),
    # Its frames per second are those of any longer one.
    (BASE_SHORT, ("every_frame",)),
)
_PROCESSES: Mapping[System, str] = {
    "original": "benchmarks.video.systems.original",
    "bare_loop": "benchmarks.video.systems.bare_loop",
}
_STEADY_FRAMES = 600
"""Of a clip that the processes go through: they have no costs that more frames would spread."""
_REFERENCES: Sequence[System] = ("original", "bare_loop")


def measure(session: Session) -> None:
    """Every system on every clip, in each repeat."""
    for clip, _ in (*TINY_PLAN, *BASE_PLAN):
        session.path(clip)
    for repeat in range(session.repeats):
        session.say(f"speed, tiny: repeat {repeat + 1} of {session.repeats}")
        _Repeat(session, TINY, repeat).run(TINY_PLAN)
    # Nothing is measured beside it, so it need not be ended between repeats.
    with vigil(session.workspace, VIT_BASE) as server:
        for repeat in range(session.repeats):
            session.say(f"speed, ViT-B/16: repeat {repeat + 1} of {session.repeats}")
            turn = _Repeat(session, VIT_BASE, repeat)
            turn.keep(list(turn.served(server, BASE_PLAN)))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A measurement, and what the system said."""

    measurement: SpeedMeasurement
    scores: Sequence[float] = ()
    """Of every frame; empty where not all were looked at."""
    first_frames: Json = None
    """The answer of ``/api``."""


@dataclass(frozen=True, slots=True)
class _Repeat:
    session: Session
    kind: ModelKind
    repeat: int

    def run(self, plan: Plan) -> None:
        """The service and the processes by turns first; nothing else runs beside either."""
        halves = [self._in_processes, self._in_service]
        if self.repeat % 2:
            halves.reverse()
        self.keep([one for half in halves for one in half(plan)])

    def keep(self, judged: Sequence[_Judged]) -> None:
        """Put measurements into the results, each compared with what it can be compared with."""
        for one in judged:
            measurement = _compared(one, judged)
            self.session.results.speed.append(measurement)
            self.session.say(_line(measurement))

    def _in_processes(self, plan: Plan) -> Iterator[_Judged]:
        warm = self.session.path(WARM)
        model = self.session.workspace.checkpoint(self.kind)
        for clip, systems in plan:
            for system in systems:
                if system in _PROCESSES:
                    run = measured(
                        _PROCESSES[system], model, warm, self.session.path(clip), _STEADY_FRAMES
                    )
                    frames = len(run.scores)
                    made = replace(self._measurement(clip, system, run.seconds), frames=frames)
                    yield _Judged(
                        replace(
                            made,
                            cpu_seconds=run.cpu_seconds,
                            growth_bytes=run.growth_bytes,
                            frames_decoded=frames,
                            frames_classified=frames,
                        ),
                        run.scores,
                    )

    def _in_service(self, plan: Plan) -> Iterator[_Judged]:
        with vigil(self.session.workspace, self.kind) as server:
            yield from self.served(server, plan)

    def served(self, server: Server, plan: Plan) -> Iterator[_Judged]:
        """What a running service does; in every other repeat in the reverse order."""
        for clip, systems in plan:
            own = [system for system in systems if system not in _PROCESSES]
            for system in own[:: -1 if self.repeat % 2 else 1]:
                ask = self._find if system == "api" else self._analyse
                yield ask(server, clip, system)

    def _analyse(self, server: Server, clip: Clip, system: System) -> _Judged:
        video = self.session.file(clip)
        is_whole = system == "every_frame"
        query = {
            "sampling": "adaptive" if system == "adaptive_stop" else system,
            **({"include": "scores"} if is_whole else {}),
            **({"stop_on_first": "true"} if system == "adaptive_stop" else {}),
        }
        with usage_of(server.family) as usage:
            answer = analyse(server.port, video, score=THRESHOLD, **query)
        made = self._measurement(clip, system, answer.seconds)
        flagged = self.session.workspace.measured(clip).flagged
        stopped = system == "adaptive_stop"
        return _Judged(
            replace(
                made,
                cpu_seconds=usage.cpu_seconds,
                growth_bytes=usage.growth_bytes,
                frames_decoded=answer.count("frames_decoded"),
                frames_classified=answer.count("frames_classified"),
                first_finding_seconds=answer.first_finding_seconds,
                edge_error_seconds=None if stopped else edge_error_seconds(answer, flagged),
            ),
            answer.scores if is_whole else (),
        )

    def _find(self, server: Server, clip: Clip, system: System) -> _Judged:
        video = self.session.file(clip)
        with usage_of(server.family) as usage:
            seconds, answer = find(server.port, video, labels="nsfw", score=_NEVER)
        if answer:
            raise AnswerError(f"a score reached {_NEVER:g}, and the search ended early")
        _, first_frames = find(server.port, video, labels=["normal", "nsfw"], score=THRESHOLD)
        made = self._measurement(clip, system, seconds)
        return _Judged(
            replace(
                made,
                cpu_seconds=usage.cpu_seconds,
                growth_bytes=usage.growth_bytes,
                frames_decoded=made.frames,
                frames_classified=made.frames,
            ),
            first_frames=first_frames,
        )

    def _measurement(self, clip: Clip, system: System, seconds: float) -> SpeedMeasurement:
        frames = self.session.workspace.measured(clip).frames
        return SpeedMeasurement(
            clip.name, self.kind.name, system, self.repeat, seconds, frames, 0, 0, 0, 0
        )


def _compared(one: _Judged, judged: Sequence[_Judged]) -> SpeedMeasurement:
    """With the scores of the original's algorithm, or of the bare loop, on the same clip."""
    measurement = one.measurement
    for system in _REFERENCES:
        for other in judged:
            found = other.measurement
            if (found.clip, found.system) != (measurement.clip, system) or found is measurement:
                continue
            if one.scores:
                own = one.scores[: len(other.scores)]
                agreed = agreement(own, other.scores, THRESHOLD)
            elif one.first_frames is not None:
                agreed = first_frames_differing(one.first_frames, other.scores, THRESHOLD)
            else:
                continue
            return replace(measurement, agreement=agreed, compared_with=system)
    return measurement


def _line(made: SpeedMeasurement) -> str:
    rate = f"{made.frames_per_second:8.1f} frames/s {made.cpu_seconds:7.1f} CPU s"
    looked = f"{made.frames_decoded:5} decoded {made.frames_classified:5} classified"
    return f"  {made.clip:16} {made.system:13} {made.seconds:7.2f} s {rate} {looked}"
