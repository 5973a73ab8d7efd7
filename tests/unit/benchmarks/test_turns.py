from __future__ import annotations

import pytest

from benchmarks.turns import in_turn


@pytest.mark.parametrize(
    ("repeat", "order"), [(0, "abc"), (1, "bca"), (2, "cab"), (3, "abc")], ids=range(4)
)
def test_each_repeat_begins_with_another_one(repeat: int, order: str) -> None:
    assert in_turn("abc", repeat) == list(order)


def test_nothing_may_be_compared() -> None:
    assert in_turn([], 1) == []
