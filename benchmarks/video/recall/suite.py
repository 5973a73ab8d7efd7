"""Runs the clips through the policies: real files, real decoder processes, a free classifier."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks.video.recall import adversarial, clips
from benchmarks.video.recall.adversarial import HostileClip
from benchmarks.video.recall.clips import BINS_SECONDS, RecallClip
from benchmarks.video.recall.policies import POLICIES, analysed
from benchmarks.video.recall.scoring import Interval, Score, by_length, compare, cost
from benchmarks.video.recall.truth import truth
from benchmarks.video.results import AdversarialOutcome
from benchmarks.video.session import Session
from deployments.media.limits import MediaLimits
from deployments.video.analysis import Analysis
from deployments.video.decoding.pool import DecoderPool

_PER_BIN = 30
_PER_BIN_QUICK = 2
_SECRET = b"recall"
_HOSTILE_RUNS = 5

Spec = TypeVar("Spec", RecallClip, HostileClip)


def measure(session: Session) -> None:
    """Recall by length of the flagged interval, edge errors and cost of every policy.

    Once: nothing in it hangs on the machine but ``seconds_per_minute``.
    """
    specs = clips.survey(_PER_BIN_QUICK if session.is_quick else _PER_BIN)
    folder = session.workspace.folder(f"recall-{clips.RECIPE}")
    files = made(specs, folder, lambda clip: clip.name, clips.encode)
    entries = [
        (clip, file.read_bytes(), truth(file)) for clip, file in zip(specs, files, strict=True)
    ]
    with _decoders() as decoders:
        for policy in POLICIES:
            started = time.perf_counter()
            scores = asyncio.run(_scores(decoders, policy, entries))
            seconds = time.perf_counter() - started
            session.results.recall += by_length(policy, scores, BINS_SECONDS)
            session.results.policies.append(cost(policy, scores, seconds))
            found = sum(score.is_found for score in scores)
            session.say(f"  {policy:20} {found} of {len(scores)} found, {seconds:.0f} s")


def measure_adversarial(session: Session) -> None:
    """Every hostile clip through every policy, some times with another secret each."""
    specs = adversarial.CLIPS
    runs = 1 if session.is_quick else _HOSTILE_RUNS
    folder = session.workspace.folder(f"hostile-{clips.RECIPE}")
    files = made(specs, folder, lambda clip: clip.name.replace(" ", "-"), HostileClip.encode)
    with _decoders() as decoders:
        for policy in POLICIES:
            own = runs if policy.startswith("adaptive") else 1
            for spec, file in zip(specs, files, strict=True):
                found = sum(
                    bool(_analysis(decoders, policy, file, _SECRET + bytes([run])).segments)
                    for run in range(own)
                )
                outcome = AdversarialOutcome(spec.name, policy, own, found, spec.must_be_found)
                session.results.adversarial.append(outcome)
                if found < own:
                    session.say(f"  {policy}: {spec.name}: {found} of {own}")


def made(
    specs: Sequence[Spec],
    folder: Path,
    name: Callable[[Spec], str],
    encode: Callable[[Spec], bytes],
) -> list[Path]:
    """The clips' files, in order; those that are not there yet are encoded on all cores."""
    paths = [folder / name(spec) for spec in specs]
    missing = [(s, p) for s, p in zip(specs, paths, strict=True) if not p.exists()]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        data = pool.map(encode, [spec for spec, _ in missing])
        for (_, path), content in zip(missing, data, strict=True):
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_bytes(content)
            unfinished.rename(path)
    return paths


async def _scores(
    decoders: DecoderPool, policy: str, entries: Sequence[tuple[RecallClip, bytes, Interval]]
) -> list[Score]:
    """As many clips at a time as there are decoder processes."""
    free = asyncio.Semaphore(decoders.processes)

    async def one(clip: RecallClip, data: bytes, shown: Interval) -> Score:
        async with free:
            found = await analysed(decoders, data, POLICIES[policy], _SECRET)
            return score(clip, shown, found)

    return list(await asyncio.gather(*(one(*entry) for entry in entries)))


def score(clip: RecallClip, shown: Interval, found: Analysis) -> Score:
    """What an analysis found of a clip's flagged interval."""
    segments = [(segment.start_seconds, segment.end_seconds) for segment in found.segments]
    error, false_alarms = compare(shown, segments)
    return Score(
        seed=clip.seed,
        truth=shown,
        edge_error_seconds=error,
        false_alarms=false_alarms,
        video_seconds=clip.times[-1],
        classified=found.coverage.frames_classified,
        decoded=found.coverage.frames_decoded,
    )


def _analysis(decoders: DecoderPool, policy: str, file: Path, secret: bytes) -> Analysis:
    return asyncio.run(analysed(decoders, file.read_bytes(), POLICIES[policy], secret))


@contextmanager
def _decoders() -> Iterator[DecoderPool]:
    decoders = DecoderPool(2, MediaLimits())
    try:
        yield decoders
    finally:
        decoders.close()
