"""Which packets are decoded for a set of frames."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.video.sampling.decode_plan import DecodePlan
from deployments.video.sampling.frame_table import FrameTable
from tests.unit.video.simulation import flag, simulate
from tests.unit.video.tables import frame_tables


def test_a_keyframe_costs_one_packet() -> None:
    table = simulate(flag(300), gop=30).table
    plan = DecodePlan.of(table, [0, 120, 270])
    assert (plan.decoded, plan.wanted, plan.jumps) == (3, 3, 2)


def test_looks_of_one_group_share_the_way() -> None:
    table = simulate(flag(300), gop=60).table
    plan = DecodePlan.of(table, [100, 80, 70])
    (run,) = plan.runs
    assert (run.entry, run.last, run.wanted, run.decoded) == (60, 100, (70, 80, 100), 41)


def test_frames_that_no_other_refers_to_are_left_out_unless_wanted() -> None:
    table = simulate(flag(300), gop=60, b_frames=2).table
    anchor = DecodePlan.of(table, [30])
    assert anchor.decoded == 11
    b_frame = DecodePlan.of(table, [29])
    assert b_frame.decoded == 12
    assert b_frame.runs[0].packets(table)[-1] == table.packet[29]


def test_whole_groups_are_decoded_without_a_jump() -> None:
    table = simulate(flag(300), gop=60, b_frames=2).table
    plan = DecodePlan.of(table, range(300))
    assert (plan.decoded, plan.jumps, len(plan.runs)) == (300, 0, 5)


def test_a_leading_frame_is_decoded_from_the_group_before() -> None:
    table = open_gop()
    plan = DecodePlan.of(table, [3])
    assert [(run.entry, run.last) for run in plan.runs] == [(0, 4)]
    joined = DecodePlan.of(table, [3, 4, 6])
    assert [(run.entry, run.last, run.wanted) for run in joined.runs] == [(0, 5, (3, 4, 6))]


def test_groups_are_decoded_whole_where_their_order_is_unknown() -> None:
    table = open_gop(is_order_known=False)
    assert [(run.entry, run.last) for run in DecodePlan.of(table, [0]).runs] == [(0, 2)]


def test_parts_are_cut_at_keyframes_and_cost_about_the_same() -> None:
    table = simulate(flag(1800), gop=60).table
    plan = DecodePlan.of(table, range(1800))
    parts = plan.parts(4)
    assert [run for part in parts for run in part.runs] == list(plan.runs)
    assert all(400 <= part.decoded <= 500 for part in parts)
    assert len(plan.parts(100)) == 30
    assert DecodePlan.of(table, []).parts(4) == ()


@given(st.data(), frame_tables(), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_every_wanted_frame_is_decoded_with_all_it_needs(
    data: st.DataObject, table: FrameTable, parts: int
) -> None:
    wanted = data.draw(st.sets(st.integers(0, len(table) - 1), min_size=1))
    plan = DecodePlan.of(table, wanted)
    assert sorted(i for run in plan.runs for i in run.wanted) == sorted(wanted)
    for run in plan.runs:
        packets = run.packets(table).tolist()
        assert len(packets) == run.decoded
        for i in run.wanted:
            entry, own = int(table.entry[i]), int(table.packet[i])
            needed = {p for p in range(entry, own) if table.reference[p]} | {own}
            assert needed <= set(packets)
    for before, after in pairwise(plan.runs):
        assert before.last < after.entry
    assert sum(part.decoded for part in plan.parts(parts)) == plan.decoded


@given(st.data(), frame_tables(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_is_left_after_some_frames_is_all_the_others_decoded_as_before(
    data: st.DataObject, table: FrameTable, whole: bool
) -> None:
    wanted = data.draw(st.sets(st.integers(0, len(table) - 1), min_size=1))
    step = data.draw(st.integers(1, 5))
    plan = DecodePlan.whole(table, step) if whole else DecodePlan.of(table, wanted)
    order = [i for run in plan.runs for i in run.wanted]
    count = data.draw(st.integers(0, len(order)))
    left = plan.left_after(order[:count], table)
    assert [i for run in left.runs for i in run.unseen] == order[count:]
    as_before = plan.runs[len(plan.runs) - len(left.runs) :]
    for run, before in zip(left.runs, as_before, strict=True):
        assert run.packets(table).tolist() == before.packets(table).tolist()
    further = data.draw(st.integers(count, len(order)))
    again = left.left_after(order[count:further], table)
    assert [i for run in again.runs for i in run.unseen] == order[further:]


def test_a_frame_of_no_run_says_nothing_of_how_far_decoding_came() -> None:
    table = simulate(flag(300), gop=60).table
    plan = DecodePlan.of(table, [70, 80, 130])
    assert plan.left_after([], table) == plan
    assert plan.left_after([3, 110], table) == plan
    (run, _) = plan.left_after([70, 3], table).runs
    assert (run.entry, run.unseen) == (60, (80,))


def open_gop(is_order_known: bool = True) -> FrameTable:
    """I0 P2 b1 | I4 b3 P6 b5 in decoding order; b3 is shown before the keyframe I4."""
    packet = np.array([0, 2, 1, 4, 3, 6, 5])
    return FrameTable(
        seconds=np.arange(7) / 10,
        end_seconds=0.7,
        size=np.full(7, 100),
        keyframe=np.array([1, 0, 0, 0, 1, 0, 0], np.bool_),
        packet=packet,
        entry=np.array([0, 0, 0, 0, 3, 3, 3]),
        reference=np.ones(7, np.bool_),
        is_order_known=is_order_known,
    )
