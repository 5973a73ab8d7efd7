"""How a model runs: what the configuration says of it, without what it takes to run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

DtypeName: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model runs."""

    max_batch_size: int = 32
    """Frames that one forward pass takes at most."""
    flagged_labels: tuple[str, ...] | None = None
    """None: inferred from well-known names."""
    dtype: DtypeName = "auto"
    """``auto``: bfloat16 on a GPU; on a CPU float32, with feed-forward layers in bfloat16 where the
    CPU multiplies in it, scores hardly move and ``exact`` is not asked for."""
    device: str = "auto"
    """``auto``, or torch's name: ``cpu``, ``cuda``, ``cuda:1`` …"""
    exact: bool = False
    """Callers resize bit for bit as the checkpoint's processor does."""
    cpu_threads: int | None = None
    """Threads of the forward pass on a CPU; None: one for each core that this process may use."""
    cpu_chunk_frames: int = 8
    """Frames that one of these threads takes at a time."""
    graphs: bool = True
    """On a GPU: compile and capture the forward pass while the model is loaded, which takes a
    minute or so and needs a process that holds no other model."""
