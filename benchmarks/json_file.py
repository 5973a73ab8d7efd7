"""Results files: dataclasses as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

_DIGITS = 6
"""More than a repeat could hold."""


def write(content: Json, path: Path) -> None:
    """Indented, with floats rounded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(content), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def rounded(value: Json) -> Json:
    """The same with floats of six digits."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
