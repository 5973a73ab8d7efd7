"""The table of faults, and the results file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.chaos.load import Seen


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault did."""

    fault: str
    sent: int
    lost: int
    """No answer, or an error."""
    wrong: int
    refused: int
    """503 with ``Retry-After``."""
    seconds_to_recover: float | None
    """The longest time from a fault to the first right answer of a request sent after it."""
    times: int
    """How often the fault was made."""
    allowed_lost: int = 0
    """Requests whose bytes the killed process held: nobody else has them."""
    figures: dict[str, float] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()
    """What fell short, beside lost and wrong answers."""

    @property
    def holds(self) -> bool:
        """Whether the service did what it promises."""
        return self.lost <= self.allowed_lost and not self.wrong and not self.complaints


def row_of(fault: str, seen: Seen, times: Sequence[float], allowed_lost: int = 0) -> Row:
    """A row from what clients saw while a fault was made at some times."""
    recovered = max((seen.seconds_to_recover(at) for at in times), default=0.0)
    return Row(
        fault=fault,
        sent=seen.sent,
        lost=len(seen.failed),
        wrong=len(seen.wrong),
        refused=len(seen.refused),
        seconds_to_recover=recovered if math.isfinite(recovered) else None,
        times=len(times),
        allowed_lost=allowed_lost,
        complaints=(
            *sorted(set(seen.differences))[:3],
            *(_lost(seen) if len(seen.failed) > allowed_lost else ()),
            *(() if math.isfinite(recovered) else ("it did not recover",)),
        ),
    )


def _lost(seen: Seen) -> Iterable[str]:
    """How requests were lost: by status, and how long that took at the longest."""
    for status, count in sorted(Counter(reply.status for reply in seen.failed).items()):
        longest = max(reply.seconds for reply in seen.failed if reply.status == status)
        what = f"status {status}" if status else "no answer, or not all of it"
        yield f"lost: {count} × {what}, after {longest:.1f} s at most"


def text_of(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| fault | times | requests sent | lost | wrong | refused (503) | time to recover |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        recover = "–" if row.seconds_to_recover is None else f"{row.seconds_to_recover:.1f} s"
        lost = f"{row.lost}" + (f" of ≤ {row.allowed_lost} it held" if row.allowed_lost else "")
        lines.append(
            f"| {row.fault} | {row.times} | {row.sent} | {lost} | {row.wrong} | {row.refused} "
            f"| {recover} |"
        )
        lines += [f"| | {complaint} |" for complaint in row.complaints]
    return "\n".join(lines)


def json_of(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows for the results file."""
    return [{**asdict(row), "holds": row.holds} for row in rows]
