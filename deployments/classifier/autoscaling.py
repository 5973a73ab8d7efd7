"""How many replicas a model needs: by the frames that want its scores, not by the calls.

One call carries one frame or a whole batch, so calls say little about the work. Each replica
reports the frames behind the calls that it holds, and with every call a caller adds its
share of the frames that still wait in its own process (``coalescer.py``), which Serve cannot see.

Serve pickles this module by value into its controller: it imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

FRAMES_METRIC = "frames"
CALLS_METRIC = "calls"
"""What a replica's ``record_autoscaling_stats`` tells; both of the calls that it holds."""


class ScalingContext(Protocol):
    """What the policy reads of Serve's ``AutoscalingContext``; means over the look-back."""

    @property
    def target_num_replicas(self) -> int:
        """Replicas that are wanted now."""
        ...

    @property
    def running_replicas(self) -> Sequence[object]:
        """The ids of the replicas that run."""
        ...

    @property
    def total_queued_requests(self) -> float:
        """Calls that no replica has taken yet."""
        ...

    @property
    def aggregated_metrics(self) -> Mapping[str, Mapping[object, float]] | None:
        """Metric → replica → value, of the replicas that have reported."""
        ...


class FramesPolicy:
    """As many replicas as leave each one at most ``target_frames`` frames, waiting and under way.

    Serve applies its delays and the bounds on replicas to the answer.

    Args:
        target_frames: Frames for one replica, > 0.
    """

    def __init__(self, target_frames: float) -> None:
        self._target_frames = target_frames

    def __call__(self, context: ScalingContext) -> tuple[float, dict[str, object]]:
        """The wanted number of replicas, not rounded, and no state."""
        metrics = context.aggregated_metrics or {}
        frames = metrics.get(FRAMES_METRIC, {})
        load = frames_of_model(
            held_frames=sum(frames.values()),
            held_calls=sum(metrics.get(CALLS_METRIC, {}).values()),
            queued_calls=context.total_queued_requests,
        )
        wanted = load / self._target_frames
        if any(replica not in frames for replica in context.running_replicas) or not frames:
            # A replica that has not reported yet may hold anything: no reason to have fewer.
            wanted = max(wanted, context.target_num_replicas)
        return wanted, {}


def frames_of_model(held_frames: float, held_calls: float, queued_calls: float) -> float:
    """All frames that want a model's scores.

    Args:
        held_frames: Behind the calls that the replicas hold.
        held_calls: Those calls.
        queued_calls: Calls that no replica holds yet; each is taken to be like the held ones, and
            to carry at least one frame.
    """
    per_call = max(1.0, held_frames / held_calls) if held_calls > 0 else 1.0
    return held_frames + queued_calls * per_call
