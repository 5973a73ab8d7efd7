"""The clips, the classifier and the scoring of the recall benchmark."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from benchmarks.video.recall import adversarial, clips, flag, suite
from benchmarks.video.recall.adversarial import HostileClip
from benchmarks.video.recall.policies import POLICIES, analysed
from benchmarks.video.recall.scoring import Score, by_length, compare, cost
from benchmarks.video.recall.truth import truth
from deployments.media.limits import MediaLimits
from deployments.video.decoding.pool import DecoderPool


def score(seed: int, length: float, error: float | None, false_alarms: int = 0) -> Score:
    return Score(seed, (3.0, 3.0 + length), error, false_alarms, 30.0, 50, 200)


def test_the_edge_error_is_that_of_the_worse_edge() -> None:
    assert compare((2.0, 4.0), [(2.05, 4.2)]) == (pytest.approx(0.2), 0)


def test_an_interval_found_in_pieces_has_the_outermost_edges() -> None:
    assert compare((2.0, 4.0), [(3.5, 3.9), (1.9, 2.5)]) == (pytest.approx(0.1), 0)


@pytest.mark.parametrize("found", [[], [(0.0, 2.0)], [(4.0, 5.0)], [(0.0, 1.0), (5.0, 6.0)]])
def test_segments_that_only_touch_the_interval_do_not_find_it(found: list) -> None:
    assert compare((2.0, 4.0), found) == (None, len(found))


def test_segments_elsewhere_are_false_alarms() -> None:
    assert compare((2.0, 4.0), [(0.0, 1.0), (2.0, 4.0)]) == (0.0, 1)


def test_recall_goes_by_the_length_that_an_interval_has() -> None:
    scores = [
        *(score(1, 0.5, 0.1), score(2, 0.99, None), score(3, 1.0, 0.3)),
        *(score(4, 0.04, 0.0), score(5, 45.0, 0.05)),
    ]
    short, middle, long = by_length("adaptive", scores, (0.05, 0.5, 1.0, 30.0))
    assert (short.clips, short.found) == (1, 1)
    assert (middle.clips, middle.found, middle.missed) == (2, 1, (2,))
    assert (long.clips, long.worst_edge_error_seconds) == (2, 0.3)
    assert long.mean_edge_error_seconds == pytest.approx(0.175)


def test_a_class_of_which_nothing_was_found_has_no_edge_error() -> None:
    (found,) = by_length("interval", [score(1, 0.6, None)], (0.5, 1.0))
    assert (found.found, found.worst_edge_error_seconds) == (0, None)


def test_cost_is_counted_by_the_minute_of_video() -> None:
    made = cost("adaptive", [score(1, 1, 0.1), score(2, 1, None, false_alarms=2)], 3.0)
    assert made.classified_per_minute == 100
    assert made.decoded_per_minute == 400
    assert made.seconds_per_minute == 3.0
    assert made.false_alarms == 2


@pytest.mark.parametrize("shape", ["cut", "patch", "tint", "speck"])
def test_the_classifier_sees_the_flag_and_nothing_else(shape: flag.Shape) -> None:
    for seed in range(5):
        paint = clips.painter("pan", seed, 30, shape, lambda index: float(index == 1))
        frames = [paint(index, clips.HEIGHT, clips.WIDTH) for index in (0, 1)]
        resized = np.stack([frame[::2, ::2][:48, :80] for frame in frames])
        clean, flagged = flag.scores(resized)[:, 1]
        assert clean < 0.3
        assert flagged > 0.9


def test_a_survey_has_as_many_clips_of_every_length_and_is_the_same_each_time() -> None:
    made = clips.survey(8)
    assert made == clips.survey(8)
    assert len({clip.name for clip in made}) == 8 * (len(clips.BINS_SECONDS) - 1)
    lengths = [(clip.end - clip.first) / clip.fps for clip in made]
    assert 0.03 < min(lengths) < 0.1
    assert max(lengths) > 10
    assert any(clip.variable_rate for clip in made)
    assert any(clip.rotation for clip in made)
    assert len({clip.codec for clip in made}) >= 6
    assert all(0 <= clip.first < clip.end < round(clip.seconds * clip.fps) for clip in made)


@pytest.fixture(scope="module")
def decoders():
    pool = DecoderPool(1, MediaLimits())
    yield pool
    pool.close()


def test_a_clip_goes_through_encoder_decoders_and_scoring(
    tmp_path: Path, decoders: DecoderPool
) -> None:
    (clip,) = (c for c in clips.survey(3) if c.seed == 4001)
    (file,) = suite.made([clip], tmp_path, lambda made: made.name, clips.encode)
    shown = truth(file)
    assert shown == truth(file)
    assert shown[1] - shown[0] == pytest.approx((clip.end - clip.first) / clip.fps, abs=0.1)
    for policy in ("every_frame", "adaptive"):
        found = asyncio.run(analysed(decoders, file.read_bytes(), POLICIES[policy], b"secret"))
        scored = suite.score(clip, shown, found)
        assert scored.edge_error_seconds == pytest.approx(0, abs=0.1)
        assert scored.false_alarms == 0


def test_a_clip_without_its_flag_is_no_truth(tmp_path: Path) -> None:
    file = tmp_path / "clean.mp4"
    file.write_bytes(HostileClip("clean", lambda _: 0.0, seconds=1).encode())
    with pytest.raises(ValueError, match="does not show its flag"):
        truth(file)


def test_every_hostile_clip_hides_something_and_most_must_be_found() -> None:
    for clip in adversarial.CLIPS:
        assert any(clip.strength(index) > 0 for index in range(clip.seconds * adversarial.FPS))
    assert len({clip.name for clip in adversarial.CLIPS}) == len(adversarial.CLIPS)
    assert sum(not clip.must_be_found for clip in adversarial.CLIPS) == 2
