from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.images.results import MemoryMeasurement, MemorySample, read, write
from tests.unit.benchmarks.results import everything


def test_what_was_written_is_read_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    write(everything(), path)
    assert read(path) == everything()


def test_figures_are_written_with_six_digits(tmp_path: Path) -> None:
    made = everything()
    made.versions["pi"] = "3.14159265"
    object.__setattr__(made.loads[0], "images_per_second", 123.456789)
    write(made, tmp_path / "results.json")
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["loads"][0]["images_per_second"] == 123.457
    assert content["versions"]["pi"] == "3.14159265"


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write(everything(), path)
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(ValueError, match="schema 99"):
        read(path)


def growing(start: int, per_sample: int, first: int | None = None) -> MemoryMeasurement:
    sizes = [start + per_sample * index for index in range(40)]
    sizes[0] = first if first is not None else sizes[0]
    return MemoryMeasurement(
        "vigil", tuple(MemorySample(500 * (i + 1), size) for i, size in enumerate(sizes))
    )


def test_flat_memory_does_not_grow_whatever_the_first_requests_took() -> None:
    assert growing(10**9, 0, first=10**8).growth_bytes == 0


def test_a_leak_shows_as_growth() -> None:
    assert growing(10**9, 10**6).growth_bytes == pytest.approx(32e6, rel=0.1)
