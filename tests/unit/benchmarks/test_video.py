"""Agreement, goals, results, charts and sections of the video benchmark."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.goals import Verdict
from benchmarks.video.agreement import agreement, edge_error_seconds, first_frames_differing
from benchmarks.video.charts import COST_CHART, draw
from benchmarks.video.client import Analysed, AnswerError
from benchmarks.video.clips import (
    BASE,
    BASE_SHORT,
    CLEAR,
    COST,
    FAIRNESS_SHORT,
    LARGE_UPLOAD,
    MEMORY,
    SHORT,
    SPEED,
    STATIC,
    WARM,
    Clip,
    make,
)
from benchmarks.video.cost_model import combinations, predicted_seconds
from benchmarks.video.goals import GOALS, verdicts
from benchmarks.video.readme import COST_PAGE, RESULTS, SECTIONS, cost_section, section
from benchmarks.video.report import judges_alike, text
from benchmarks.video.results import CostMeasurement, Results, StaticMeasurement, read, write
from tests.unit.benchmarks.video_results import (
    everything,
    memory,
    recall,
    results,
    speed,
    without,
)


def reached(made: Results, title: str) -> float | None:
    found = verdict(made, title).reached
    return None if found is None else found.median


def verdict(made: Results, title: str) -> Verdict[Results]:
    (found,) = (v for v in verdicts(made) if v.goal.title == title)
    return found


class TestAgreement:
    def test_counts_the_frames_that_only_one_of_two_flags(self) -> None:
        found = agreement([0.1, 0.9, 0.69], [0.2, 0.8, 0.71], 0.7)
        assert (found.frames, found.other_labels) == (3, 1)
        assert found.worst == pytest.approx(0.1)

    def test_other_frames_are_no_agreement(self) -> None:
        with pytest.raises(AnswerError, match="2 frames"):
            agreement([0.1, 0.2], [0.1], 0.7)

    def test_first_frames_of_both_labels_are_compared(self) -> None:
        scores = [0.1, 0.2, 0.9]
        right = [
            {"frame": 1, "label": "normal", "score": 0.91},
            {"frame": 3, "label": "nsfw", "score": 0.88},
        ]
        assert first_frames_differing(right, scores, 0.7).other_labels == 0
        assert first_frames_differing(right, scores, 0.7).worst == pytest.approx(0.02)
        late = [right[0], {**right[1], "frame": 2}]
        assert first_frames_differing(late, scores, 0.7).other_labels == 1
        assert first_frames_differing(right[:1], scores, 0.7).other_labels == 1

    def test_edges_are_those_of_the_one_segment(self) -> None:
        found = Analysed(1.0, None, {"segments": [{"start_seconds": 2.1, "end_seconds": 4.95}]})
        assert edge_error_seconds(found, (2, 5)) == pytest.approx(0.1)
        with pytest.raises(AnswerError, match="1 segments"):
            edge_error_seconds(found, None)
        assert edge_error_seconds(Analysed(1.0, None, {"segments": []}), None) is None


class TestGoals:
    def test_rates_of_clips_of_different_lengths_are_compared(self) -> None:
        made = results(
            speed("original", 10.0, clip=SHORT), speed("every_frame", 30.0, clip=SPEED[0])
        )
        title = "every_frame, tiny: frames/s of the original's algorithm"
        assert reached(made, title) == pytest.approx(4.0)

    def test_adaptive_is_compared_repeat_by_repeat(self) -> None:
        made = results(
            *(speed("every_frame", s, clip=CLEAR, repeat=i) for i, s in enumerate((20, 40))),
            *(speed("adaptive", s, clip=CLEAR, repeat=i) for i, s in enumerate((2, 5))),
        )
        found = verdict(
            made, "adaptive, tiny, keyframe every 1 s, grain 2, still: speed of every_frame"
        )
        assert found.reached is not None
        assert (found.reached.low, found.reached.high) == (8, 10)
        assert found.holds is False

    def test_any_frame_that_is_flagged_otherwise_misses_the_goal(self) -> None:
        made = results(speed("every_frame", 20, other_labels=0), speed("api", 20, other_labels=1))
        title = "frames or first frames that are flagged otherwise than by the original or the loop"
        assert verdict(made, title).holds is False
        assert not judges_alike(made)
        assert judges_alike(results(speed("every_frame", 20, other_labels=0)))

    def test_the_first_finding_is_a_share_of_the_run(self) -> None:
        made = results(speed("adaptive", 8.0, finding=4.0))
        assert reached(made, "first finding of what begins at half the video") == 50

    def test_the_upload_does_not_count_as_memory(self) -> None:
        made = results()
        made.memory.append(memory("360p-2-hours", 310_000_000))
        title = "memory over idle, beyond the upload: 2-hours"
        assert reached(made, title) == 300
        assert verdict(made, title).holds

    def test_a_static_camera_saves_what_interval_would_classify(self) -> None:
        made = results()
        made.static.append(StaticMeasurement(0, 60, 9, 50))
        title = "static camera: classifications saved against interval"
        assert reached(made, title) == pytest.approx(85)

    def test_recall_sums_the_classes_of_lengths(self) -> None:
        made = results()
        made.recall += [recall("adaptive", 0.5, 1.0, 38), recall("adaptive", 1.0, 2.0, 40)]
        made.recall += [recall("adaptive", 2.0, 30.0, 39, error=0.3)]
        assert reached(made, "recall of adaptive, intervals from the gap on") == 98.75
        assert reached(made, "recall of adaptive, from half the gap to the gap") == 95
        assert reached(made, "edges found by adaptive: worst error") == 0.3

    def test_what_was_not_measured_is_neither_reached_nor_missed(self) -> None:
        assert [v.holds for v in verdicts(results())] == [None] * len(GOALS)
        assert "not measured" in text(results())


class TestCostModel:
    def test_a_dear_model_takes_as_long_as_its_classifications(self) -> None:
        made = results(speed("every_frame", 30.0, clip=BASE_SHORT, model="base"))
        cell = CostMeasurement(2.0, 1.0, 60.0, 63, 300, 60, 2.5)
        assert predicted_seconds(made, "tiny", cell) == 2.5
        assert predicted_seconds(made, "base", cell) == pytest.approx(60 / 2)
        assert predicted_seconds(made, "base", replace(cell, frames_classified=4)) == 2.5
        with pytest.raises(ValueError, match="did not measure 'base'"):
            predicted_seconds(results(), "base", cell)

    def test_repeats_of_a_combination_are_one_median(self) -> None:
        made = results()
        cell = CostMeasurement(2.0, 1.0, 60.0, 63, 300, 60, 2.0)
        made.cost += [cell, replace(cell, seconds=4.0), replace(cell, seconds=3.0)]
        made.cost.append(replace(cell, gop_seconds=1.0))
        assert [(c.gop_seconds, c.seconds) for c in combinations(made)] == [(2.0, 3.0), (1.0, 2.0)]


class TestDocuments:
    def test_what_is_written_is_read_again(self, tmp_path: Path) -> None:
        write(everything(), tmp_path / "video.json")
        assert read(tmp_path / "video.json") == everything()

    def test_another_schema_is_refused(self, tmp_path: Path) -> None:
        made = everything()
        made.schema = 0
        write(made, tmp_path / "video.json")
        with pytest.raises(ValueError, match="schema 0"):
            read(tmp_path / "video.json")

    def test_the_section_quotes_speed_recall_and_goals(self) -> None:
        quoted = section(everything(), "charts/video")
        assert "![Speed against recall](charts/video-recall.svg)" in quoted
        assert "commit `0123456789ab` on 2 cores of A CPU (8 GiB" in quoted
        row = (
            "| tiny | 60 s, keyframe every 2 s, grain 4 | **adaptive** | 450 ± 0 % | 6 | 900 | 60 |"
        )
        assert row in quoted
        assert "| adaptive | 60 | 100 | 100 |" in quoted
        assert "| interval | 60 | 50 | 50 |" in quoted
        assert (
            "keyframe every 2 s, grain 4: frames/s of the bare loop | ≥ 0.85 × | 0.9 × " in quoted
        )

    def test_parts_that_were_not_measured_are_left_out(self) -> None:
        made = without(everything(), parts=("cost", "recall", "policies"))
        quoted = section(made, "charts/video")
        assert "![Frames of the video per second](charts/video-speed.svg)" in quoted
        assert "recall" not in quoted
        assert "repeats" in quoted
        quoted = section(without(everything(), parts=("speed",)), "charts/video")
        assert "frames/s of the video" not in quoted
        assert "repeats" not in quoted
        assert cost_section(made) == "The run on record did not measure them."

    def test_the_cost_page_lists_every_combination(self) -> None:
        page = cost_section(everything())
        assert "![Cost of adaptive](images/video-cost.svg)" in page
        assert COST_CHART.relative_to(COST_PAGE.parent).as_posix() == "images/video-cost.svg"
        assert "| 2 s | 1 s | 63 | 300 | 60 | 2 |" in page

    def test_the_models_rates_may_be_of_another_run(self) -> None:
        costs = without(everything(), parts=("speed",))
        assert "s, base" not in cost_section(costs)
        speeds = everything()
        speeds.speed += [
            replace(made, model="base", clip=BASE_SHORT.name)
            for made in speeds.speed
            if made.system == "every_frame"
        ]
        page = cost_section(costs, speeds)
        assert page.count("easured on") == 2
        assert "| s, tiny | s, base |" in page
        with pytest.raises(ValueError, match="not quoted"):
            cost_section(costs, results(quick=True))

    @pytest.mark.parametrize("flaw", ["quick", "modified"])
    def test_a_run_that_proves_nothing_is_not_quoted(self, flaw: str) -> None:
        with pytest.raises(ValueError, match="not quoted"):
            section(results(**{flaw: True}), "charts/video")

    def test_charts_are_drawn_for_what_was_measured_and_are_the_same_each_time(
        self, tmp_path: Path
    ) -> None:
        drawn = draw(everything(), tmp_path, "a")
        assert [path.name for path in drawn] == ["a-speed.svg", "a-recall.svg", "a-cost.svg"]
        again = draw(everything(), tmp_path, "b")
        assert [p.read_bytes() for p in drawn] == [p.read_bytes() for p in again]
        only = draw(without(everything(), parts=("cost", "recall")), tmp_path, "c")
        assert [path.name for path in only] == ["c-speed.svg"]

    def test_the_page_on_costs_has_its_markers(self) -> None:
        page = COST_PAGE.read_text(encoding="utf-8")
        assert all(page.count(marker) == 1 for marker in SECTIONS[1].markers)

    @pytest.mark.skipif(not RESULTS.exists(), reason="no results are committed yet")
    def test_documents_say_what_the_committed_results_say(self) -> None:
        assert [section.name for section in SECTIONS if not section.is_current] == []


class TestClips:
    def test_every_clip_has_a_name_of_its_own(self) -> None:
        made = (*SPEED, CLEAR, SHORT, BASE, BASE_SHORT, STATIC, *MEMORY, LARGE_UPLOAD, *COST, WARM)
        names = [clip.name for clip in (*made, FAIRNESS_SHORT)]
        assert len(set(names)) == len(names)

    def test_a_clip_is_repeated_without_a_gap(self) -> None:
        clip = Clip("small", 1, 5, 96, 64, fps=10, flagged=(0, 1), copies=3)
        with av.open(io.BytesIO(make(clip))) as container:
            frames = list(container.decode(video=0))
        assert len(frames) == clip.frames == 30
        times = np.array([float(frame.pts * frame.time_base) for frame in frames])
        assert np.diff(times) == pytest.approx(0.1)
