"""Cuts that show in the packets before anything is decoded, and looks at what lies between them.

Encoders spend bytes where the picture changes. A frame that cannot be predicted from those before
it is coded nearly like a keyframe, or becomes one. So the sizes tell of stretches that are shorter
than the gap between two looks, at no cost. They are a hint and no guarantee: the gap is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deployments.media.packets import BoolArray, Int64Array
from deployments.video.sampling.frame_table import Float64Array, FrameTable

_SURGE_RATIO = 3.0
"""A surge has so many times the bytes of its neighbours of the same kind (median)."""
_SURGE_KEYFRAME_SHARE = 0.1
"""… and at least this share of its group's keyframe's bytes: a tenth of the picture is new. …"""
_CUT_KEYFRAME_SHARE = 0.2
"""Least share of its group's keyframe's bytes that a cut has: x264 gave 0.17 to 0.93 (its 5th
percentiles: 0.21 to 0.64) to the first frame of a scene that is only tinted, under noise."""
_CLEAR_SURGE_RATIO = 6.0
"""… Or so many times its neighbours' bytes, whatever a keyframe has: those may be padded."""
_NEIGHBOURS = 31
"""Frames of one kind that a quantile is taken over: about a second."""
_WINDOWS_AT_A_TIME = 2**14
"""The windows are copied: 4 MB at a time, rather than 250 bytes for every frame."""
_LARGE = 0.9
"""Quantile of those frames' bytes: where it is that of a cut, such sizes are nothing special. One
or two cuts among the neighbours do not move it."""
_BESIDE_FRAMES = 8
"""What lies so near is of one kind of picture; B frames have their P frames within it."""
_REGULAR_SHARE = 0.9
"""Keyframes closer than this share of the longest distance were put there by a cut."""
_FLOOD_PER_SLOT = 1.5
_FLOOD_SLOTS = 11
"""So many stretches to look at in each of so many slots on average are a flood: rather the
encoder's habit (a large frame in every sixteen of AV1's) than cuts."""


def blind_stretches(table: FrameTable) -> BoolArray:
    """``[F]``: where the packets' sizes need not show a cut.

    Where the other frames are so large, or so different, that a cut would not stand out among them
    (padding, a constant rate, noise, a picture in full motion), or where every frame is a keyframe
    (MJPEG, ProRes), a cut is not to be seen.
    """
    return _blind(table, *_usual_sizes(table))


def packet_cuts(table: FrameTable) -> Int64Array:
    """Positions, ascending, of the first frames of new shots, as far as the packets tell."""
    return np.union1d(_irregular_keyframes(table), _surges(table))


def looks_beside_cuts(
    table: FrameTable,
    span: range,
    looks: Sequence[int],
    gap_seconds: float,
    most_per_gap: int,
    rng: np.random.Generator,
) -> list[int]:
    """One look at each side of every cut that has none.

    A side reaches to the next cut or keyframe: at a keyframe another cut may lie hidden, because
    its size tells nothing.

    Args:
        table: The video's frames.
        span: Positions that are asked about.
        looks: Planned already, ascending.
        gap_seconds: Length of the time slots that ``most_per_gap`` holds for.
        most_per_gap: More are thinned out at random, in a flood to one, so that cuts cost a
            bounded number of looks and what is repeated among them is found nonetheless.
        rng: Source of that choice.
    """
    starts, ends = _sides(table, span)
    seen = np.searchsorted(looks, ends) > np.searchsorted(looks, starts)
    starts, ends = starts[~seen], ends[~seen]
    if not len(starts):
        return []
    slots = np.floor(table.seconds[starts] / gap_seconds)
    first_of_slot = np.flatnonzero(np.diff(slots, prepend=-1.0))
    chosen: list[int] = []
    for members in np.split(np.arange(len(starts)), first_of_slot[1:]):
        middle, half = slots[members[0]], _FLOOD_SLOTS // 2
        low, high = np.searchsorted(slots, (middle - half, middle + half + 1))
        most = 1 if high - low > _FLOOD_PER_SLOT * _FLOOD_SLOTS else most_per_gap
        if len(members) > most:
            members = rng.choice(members, most, replace=False)
        chosen += starts[members].tolist()
    return chosen


def _sides(table: FrameTable, span: range) -> tuple[Int64Array, Int64Array]:
    """Starts and ends of the stretches on both sides of the cuts, ascending.

    The first frame of each is the cheapest to look at. The B frames before a cut belong to
    neither side: they are predicted from both. A B frame that is itself a cut shows something
    that its neighbours do not, and is a stretch of its own.
    """
    cuts = packet_cuts(table)
    cuts = cuts[(cuts >= span.start) & (cuts < span.stop)]
    backward = _is_backward(table)
    keyframes = table.keyframe.nonzero()[0]
    bounds = np.unique(
        np.concatenate((cuts, cuts[backward[cuts]] + 1, keyframes, [span.start, span.stop]))
    )
    bounds = bounds[(bounds >= span.start) & (bounds <= span.stop)]
    starts, ends = bounds[:-1], bounds[1:]
    is_side = np.isin(starts, cuts) | np.isin(ends, cuts)
    starts, ends = starts[is_side], ends[is_side]
    forward = (~backward).nonzero()[0]
    settled = forward[np.maximum(np.searchsorted(forward, ends) - 1, 0)] + 1
    return starts, np.maximum(np.where(ends == span.stop, ends, settled), starts + 1)


def _irregular_keyframes(table: FrameTable) -> Int64Array:
    keyframes = table.keyframe.nonzero()[0]
    distances = np.diff(keyframes)
    if not len(distances):
        return np.empty(0, np.int64)
    return np.asarray(keyframes[1:][distances < _REGULAR_SHARE * distances.max()], np.int64)


def _blind(table: FrameTable, usual: Float64Array, large: Float64Array) -> BoolArray:
    if table.keyframe.all() or not table.keyframe.any():
        return np.ones(len(table), np.bool_)
    least_cut = _CUT_KEYFRAME_SHARE * _keyframe_sizes(table)
    hides_cuts = (_SURGE_RATIO * usual > least_cut) | (large > least_cut)
    return np.asarray(~table.keyframe & hides_cuts, np.bool_)


def _surges(table: FrameTable) -> Int64Array:
    usual, large = _usual_sizes(table)
    is_large = table.size >= _SURGE_KEYFRAME_SHARE * _keyframe_sizes(table)
    is_large |= table.size >= _CLEAR_SURGE_RATIO * usual
    is_surge = is_large & (table.size >= _SURGE_RATIO * usual) & ~table.keyframe
    # The B frames between P frames that tell nothing have surges of their own, with the noise.
    beside = np.ones(2 * _BESIDE_FRAMES + 1)
    is_told = np.convolve(_blind(table, usual, large), beside)[_BESIDE_FRAMES:-_BESIDE_FRAMES] < 0.5
    return np.asarray((is_surge & is_told).nonzero()[0], np.int64)


def _keyframe_sizes(table: FrameTable) -> Int64Array:
    """``[F]`` bytes of the keyframe that precedes each frame, or is it."""
    positions = np.arange(len(table))
    return table.size[np.maximum.accumulate(np.where(table.keyframe, positions, 0))]


def _usual_sizes(table: FrameTable) -> Float64Array:
    """``[2, F]`` bytes of each frame's neighbours of its kind: their median, and the `_LARGE`
    quantile; at least 1, and of keyframes 1.
    """
    usual = np.ones((2, len(table)))
    backward = _is_backward(table)
    for kind in (~table.keyframe & ~backward, ~table.keyframe & backward):
        members = kind.nonzero()[0]
        if len(members):
            quantiles = _running_quantiles(table.size[members], (0.5, _LARGE))
            usual[:, members] = np.maximum(quantiles, 1.0)
    return usual


def _is_backward(table: FrameTable) -> BoolArray:
    """``[F]``: B frames, which are decoded after one that is shown later."""
    earliest_from = np.minimum.accumulate(table.packet[::-1])[::-1]
    return np.asarray(earliest_from < table.packet, np.bool_)


def _running_quantiles(values: Int64Array, at: tuple[float, ...]) -> Float64Array:
    """``[Q, N]`` of values ``[N]``, over `_NEIGHBOURS`."""
    half = min(_NEIGHBOURS, len(values) | 1) // 2
    padded = np.pad(values, half, mode="reflect" if half < len(values) else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)[: len(values)]
    quantiles = np.empty((len(at), len(values)))
    for start in range(0, len(values), _WINDOWS_AT_A_TIME):
        block = slice(start, start + _WINDOWS_AT_A_TIME)
        quantiles[:, block] = np.quantile(windows[block], at, axis=1)
    return quantiles
