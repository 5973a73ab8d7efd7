"""Sizes of batches that graphs are captured for: a graph holds one size, and requests bring any."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def buckets_up_to(max_batch_size: int) -> tuple[int, ...]:
    """1, 2, 4 … and ``max_batch_size``, ascending: fewer than half of a batch's rows are padding.

    Args:
        max_batch_size: Frames that a batch holds at most, ≥ 1.
    """
    powers = (1 << exponent for exponent in range((max_batch_size - 1).bit_length()))
    return (*powers, max_batch_size)


def bucket_for(count: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds ``count`` frames.

    Args:
        count: Frames of a batch, 1 to the largest bucket.
        buckets: Ascending.
    """
    return buckets[bisect_left(buckets, count)]
