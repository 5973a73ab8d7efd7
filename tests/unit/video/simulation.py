"""Videos that exist as numbers only, and an executor that looks at them as a real one would.

A simulated video has a truth for every frame (its score and what it shows), and packets as an
encoder would have made them: where the picture changes, they are large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from deployments.types import Scores
from deployments.video.hysteresis import LabelThreshold
from deployments.video.sampling.change import CutDetector, ReuseGate, SmallLuma
from deployments.video.sampling.decode_plan import DecodePlan
from deployments.video.sampling.frame_table import FrameTable
from deployments.video.sampling.policy import Looks, SamplingPolicy
from deployments.video.timeline import Work

NSFW = LabelThreshold.at("nsfw", 0.7)

_KEYFRAME_BYTES, _P_BYTES, _B_BYTES = 20_000, 600, 250
"""A quiet picture."""
_CUT_SHARE = 0.6


@dataclass(frozen=True)
class SimulatedVideo:
    table: FrameTable
    scores: npt.NDArray[np.float32]
    """[F, Q]"""
    luma: Callable[[int], SmallLuma]

    @property
    def span(self) -> range:
        return range(len(self.table))


def group_of_pictures(frames: int, gop: int, b_frames: int) -> tuple[list[int], set[int], set[int]]:
    """Decoding order (positions), keyframes and B frames of closed groups: I B B P B B P …"""
    order: list[int] = []
    keyframes: set[int] = set()
    backward: set[int] = set()
    for start in range(0, frames, gop):
        end = min(start + gop, frames)
        order.append(start)
        keyframes.add(start)
        at = start + 1
        while at < end:
            anchor = min(at + b_frames, end - 1)
            order += [anchor, *range(at, anchor)]
            backward.update(range(at, anchor))
            at = anchor + 1
    return order, keyframes, backward


def simulate(
    scores: npt.NDArray[np.float32],
    *,
    shots: Sequence[int] | None = None,
    fps: float = 30.0,
    gop: int = 60,
    b_frames: int = 0,
    seconds: npt.NDArray[np.float64] | None = None,
    telling: bool = True,
    p_bytes: int = _P_BYTES,
    noise: float = 0.0,
    seed: int = 0,
) -> SimulatedVideo:
    """A video from the truth about it.

    Args:
        scores: [F] or [F, Q].
        shots: [F] what each frame shows; None: follows the score, whether it is at least 0.5.
        telling: Whether packets are large where the picture changes; else all sizes of a kind
            are drawn alike, as by an encoder that somebody tampered with.
        p_bytes: Of a usual P frame; a keyframe has 20,000.
        noise: Grey levels of the camera's noise on the small picture.
    """
    frames = len(scores)
    rows = scores.reshape(frames, -1).astype(np.float32)
    shown = (rows[:, 0] >= 0.5).astype(int) if shots is None else np.asarray(shots)
    times = np.arange(frames) / fps if seconds is None else seconds
    order, keyframes, backward = group_of_pictures(frames, gop, b_frames)
    packet = np.empty(frames, np.int64)
    packet[order] = np.arange(frames)
    keyframe = np.isin(np.arange(frames), list(keyframes))
    is_b = np.isin(np.arange(frames), list(backward))
    entry = packet[np.maximum.accumulate(np.where(keyframe, np.arange(frames), 0))]
    reference = np.ones(frames, np.bool_)
    reference[packet[is_b]] = False
    rng = np.random.default_rng(seed)
    size = np.where(keyframe, _KEYFRAME_BYTES, np.where(is_b, _B_BYTES, p_bytes))
    size = size * rng.lognormal(0, 0.25, frames)
    if telling:
        size = np.where(_unpredictable(shown, keyframe, is_b), _CUT_SHARE * _KEYFRAME_BYTES, size)

    patterns: dict[int, SmallLuma] = {}

    def luma(position: int) -> SmallLuma:
        shot = int(shown[position])
        if shot not in patterns:
            coarse = np.random.default_rng((seed, shot)).integers(40, 216, (8, 8))
            patterns[shot] = np.kron(coarse, np.ones((8, 8))).astype(np.uint8)
        if not noise:
            return patterns[shot]
        grain = np.random.default_rng((seed, 1, position)).normal(0, noise, (64, 64))
        return np.clip(patterns[shot] + grain, 0, 255).astype(np.uint8)

    step = float(times[-1] - times[-2]) if frames > 1 else 1 / fps
    table = FrameTable(
        seconds=times,
        end_seconds=float(times[-1]) + step,
        size=size.astype(np.int64),
        keyframe=keyframe,
        packet=packet,
        entry=entry,
        reference=reference,
    )
    return SimulatedVideo(table, rows, luma)


Tampering = Literal["all alike", "padded", "padded here", "huge keyframes", "flooded"]


def tampered(video: SimulatedVideo, how: Tampering, change_at: int, seed: int) -> SimulatedVideo:
    """The same video with packets that somebody padded, so that a change does not stand out.

    Padding is all that can be done to a file without encoding it worse: packets only grow.
    """
    table = video.table
    size = table.size.copy()
    others = ~table.keyframe
    cut = int(_CUT_SHARE * _KEYFRAME_BYTES)
    rng = np.random.default_rng((seed, 2))
    match how:
        case "all alike":
            size[:] = size.max()
        case "padded":
            size[others] = np.maximum(size[others], cut)
        case "padded here":
            near = others & (np.abs(np.arange(len(size)) - change_at) < 75)
            size[near] = np.maximum(size[near], cut)
        case "huge keyframes":
            size[~others] *= 10
        case "flooded":
            size[others & (rng.random(len(size)) < 0.2)] = cut
    return replace(video, table=replace(table, size=size))


def _unpredictable(
    shown: npt.NDArray[np.int_], keyframe: npt.NDArray[np.bool_], is_b: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Frames that show what none of the frames shows that they are predicted from."""
    positions = np.arange(len(shown))
    anchors = positions[~is_b]
    before = anchors[np.maximum(np.searchsorted(anchors, positions, "left") - 1, 0)]
    after = anchors[np.minimum(np.searchsorted(anchors, positions, "right"), len(anchors) - 1)]
    differs_before = shown != shown[before]
    return ~keyframe & differs_before & (~is_b | (shown != shown[after]))


def flag(frames: int, *stretches: tuple[float, float], fps: float = 30.0) -> Scores:
    """Scores [F]: 0.95 in the stretches (start and end in seconds), 0.05 elsewhere."""
    times = np.arange(frames) / fps
    scores = np.full(frames, 0.05, np.float32)
    for start, end in stretches:
        scores[(times >= start - 1e-6) & (times < end - 1e-6)] = 0.95
    return scores


@dataclass
class Survey:
    """What an executor brings home."""

    looks: Looks
    decoded: int = 0
    classified: int = 0
    reused: int = 0
    rounds: int = 0
    passes: list[DecodePlan] = field(default_factory=list)

    @property
    def hit(self) -> bool:
        return bool((self.looks.scores[:, 0] >= NSFW.enter).any())

    @property
    def work(self) -> Work:
        return Work(self.decoded, self.classified, self.reused)


def survey(
    video: SimulatedVideo,
    policy: SamplingPolicy,
    thresholds: Sequence[LabelThreshold] = (NSFW,),
    *,
    span: range | None = None,
) -> Survey:
    """Run a policy to its end."""
    span = video.span if span is None else span
    rows: dict[int, Scores] = {}
    reused: dict[int, int] = {}
    held: set[int] = set()
    result = Survey(Looks.of({span.start: video.scores[span.start]}))
    next_round = policy.plan(video.table, span)
    while next_round:
        assert not rows.keys() & set(next_round.looks), "no frame is asked for twice"
        assert list(next_round.looks) == sorted(set(next_round.looks))
        assert all(i in span for i in next_round.wanted)
        result.rounds += 1
        plan = DecodePlan.of(video.table, set(next_round.wanted) - held)
        result.passes.append(plan)
        result.decoded += plan.decoded
        if policy.follows_pictures and result.rounds == 1:
            _follow(video, plan, span, rows, reused)
            result.reused = len(reused)
            result.classified = len(rows) - len(reused)
        else:
            result.classified += len(next_round.looks)
            rows |= {i: video.scores[i] for i in next_round.looks}
        held = set(next_round.held)
        result.looks = Looks.of(rows, reused)
        next_round = policy.refine(video.table, span, result.looks, thresholds)
    return result


def _follow(
    video: SimulatedVideo,
    plan: DecodePlan,
    span: range,
    rows: dict[int, Scores],
    reused: dict[int, int],
) -> None:
    """One pass over decoded frames, with extra looks at cuts, and reuse of scores."""
    position_of = np.empty(len(video.table), np.int64)
    position_of[video.table.packet] = np.arange(len(video.table))
    gate = ReuseGate()
    for run in plan.runs:
        cuts = CutDetector()
        wanted = set(run.wanted)
        for i in np.sort(position_of[run.packets(video.table)]).tolist():
            luma, seconds = video.luma(i), float(video.table.seconds[i])
            is_cut = cuts.is_cut(seconds, luma) and i in span
            if i not in wanted and not is_cut:
                continue
            source = gate.source(i, seconds, luma)
            rows[i] = video.scores[source]
            if source != i:
                reused[i] = source
