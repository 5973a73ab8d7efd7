from __future__ import annotations

import pytest

from benchmarks.images.readme import RESULTS, SECTION, section, sections
from tests.unit.benchmarks.results import everything, load, results

BEGIN, END = SECTION.markers


def test_the_section_quotes_medians_conditions_and_goals() -> None:
    made = results(
        *(load("tiny-32", "fastapi", rate, repeat=i) for i, rate in enumerate((40, 50, 60))),
        *(load("tiny-32", "vigil", rate, repeat=i) for i, rate in enumerate((160, 150, 192))),
    )
    text = section(made, "charts/throughput.svg")
    assert "commit `0123456789ab` on 2 cores of A CPU (8 GiB" in text
    assert "medians of 3 interleaved repeats" in text
    assert "![Images per second](charts/throughput.svg)" in text
    assert "| tiny, 32 connections | fastapi | 50 ± 20 % | 50 | 200 | 10 | 1024 |" in text
    assert "| tiny, 32 connections | **vigil** | 160 ± 13 % |" in text
    assert "| tiny, 32 connections: images/s of fastapi | ≥ 3 × | 3.2 × (3 – 4) | ✓ |" in text
    assert "litserve |" not in text


def test_a_missed_goal_is_said() -> None:
    made = results(load("tiny-32", "fastapi", 50), load("tiny-32", "vigil", 100))
    assert "| ≥ 3 × | 2 × (2 – 2) | missed |" in section(made, "chart.svg")


def test_a_full_run_leaves_out_what_newer_ones_measured() -> None:
    newer = results(load("tiny-32", "vigil", 100))
    memory = results()
    memory.memory += everything().memory
    full = results(load("tiny-32", "vigil", 90), load("base-float32-32", "vigil", 4))
    full.memory += everything().memory
    text = sections(full, [newer, memory], "chart.svg")
    assert text.count("Measured on") == 3
    assert text.count("| tiny, 32 connections | **vigil** | 100 ") == 1
    assert "| tiny, 32 connections | **vigil** | 90 " not in text
    assert text.count("| ViT-B/16 float32, 32 connections | **vigil** |") == 1
    assert text.count("growth of memory") == 1
    assert text.count("](chart.svg)") == 1


@pytest.mark.parametrize("flaw", ["quick", "modified"])
def test_a_run_that_proves_nothing_is_not_quoted(flaw: str) -> None:
    with pytest.raises(ValueError, match="not quoted"):
        section(results(load("tiny-32", "vigil", 100), **{flaw: True}), "chart.svg")


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    document = f"# Title\n\n{BEGIN}\nold\n{END}\n\nmore\n"
    once = SECTION.replaced(document, "new")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n"
    assert SECTION.replaced(once, "new") == once


@pytest.mark.parametrize("document", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}"])
def test_a_document_without_its_markers_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="must"):
        SECTION.replaced(document, "new")


@pytest.mark.skipif(not RESULTS.exists(), reason="no results are committed yet")
def test_the_readme_says_what_the_committed_results_say() -> None:
    assert RESULTS.with_name(f"{RESULTS.stem}-throughput.svg").exists()
    assert SECTION.is_current
