"""Names of the models that are measured, for modules that must not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A generated model; see `benchmarks.models`."""

    checkpoint: Literal["tiny", "base", "zero"]
    dtype: Dtype = "auto"

    @property
    def name(self) -> str:
        """Of the model and its dtype."""
        return self.checkpoint if self.dtype == "auto" else f"{self.checkpoint}-{self.dtype}"
