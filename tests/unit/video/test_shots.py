"""Cuts that the packets tell of."""

from __future__ import annotations

import numpy as np

from deployments.video.sampling.shots import blind_stretches, looks_beside_cuts, packet_cuts
from tests.unit.video.simulation import flag, simulate


def test_no_cut_where_nothing_changes() -> None:
    for b_frames in (0, 2, 3):
        table = simulate(flag(900), gop=60, b_frames=b_frames).table
        assert not blind_stretches(table).any()
        assert len(packet_cuts(table)) == 0


def test_a_change_between_keyframes_is_a_cut() -> None:
    table = simulate(flag(900, (10.5, 11.0)), gop=60).table
    assert packet_cuts(table).tolist() == [315, 330]


def test_a_b_frame_that_resembles_neither_neighbour_is_a_cut_and_looked_at() -> None:
    scores = np.zeros(300, np.float32)
    scores[100] = 1
    table = simulate(scores, gop=60, b_frames=2).table
    assert not table.reference[table.packet[100]]
    rng = np.random.default_rng(0)
    assert 100 in looks_beside_cuts(table, range(300), [0, 90, 120, 150], 1.0, 4, rng)


def test_a_keyframe_out_of_turn_is_a_cut() -> None:
    table = simulate(flag(300), gop=60).table
    table.keyframe[200] = True
    assert 200 in packet_cuts(table)


def test_both_sides_of_a_cut_get_a_look() -> None:
    table = simulate(flag(300, (5, 10)), gop=60).table
    rng = np.random.default_rng(0)
    chosen = looks_beside_cuts(table, range(300), [0, 60, 119, 180, 240], 1.0, 4, rng)
    assert chosen == [120, 150]


def test_equal_sizes_tell_nothing() -> None:
    table = simulate(flag(300, (5, 6)), gop=60).table
    table.size[:] = 4000
    assert blind_stretches(table)[~table.keyframe].all()
    assert len(packet_cuts(table)) == 0


def test_only_the_stretch_whose_sizes_hide_a_cut_is_blind() -> None:
    table = simulate(flag(900), gop=60).table
    table.size[300:420] = 15_000
    table.size[[300, 360]] = 20_000  # keyframes
    blind = blind_stretches(table).nonzero()[0]
    assert 280 < blind.min() < 320
    assert 400 < blind.max() < 440


def test_where_all_are_keyframes_all_of_it_is_blind() -> None:
    table = simulate(flag(90), gop=1).table
    assert blind_stretches(table).all()
