"""One soak of a running service: warm it up, load it, say what grew."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.processes import ProcessFamily
from benchmarks.soak.load import Load
from benchmarks.soak.watch import Bounds, Growth, Watch

SAMPLES = 60
"""In the whole time, after the warm-up."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a soak has shown."""

    seconds: float
    sent: dict[str, int]
    """Requests by kind."""
    processes: tuple[int, int]
    """Their number in the first and in the last quarter."""
    growth: list[Growth] = field(repr=False)
    failures: list[str]
    """Empty: everything stayed within its bounds, and every answer was the expected one."""

    def table(self) -> str:
        """For people."""
        lines = [
            f"{sum(self.sent.values())} requests in {self.seconds:.0f} s: "
            + ", ".join(f"{count} {kind}" for kind, count in sorted(self.sent.items())),
            f"processes: {self.processes[0]} → {self.processes[1]}",
            f"{'process':54} {'memory, MiB':>20} {'files':>12} {'threads':>12}",
        ]
        for grown in self.growth:
            before, after = grown.before, grown.after
            memory = f"{before.memory_bytes / 2**20:.1f} → {after.memory_bytes / 2**20:.1f}"
            lines.append(
                f"{grown.title:54} {memory:>20} {f'{before.files} → {after.files}':>12} "
                f"{f'{before.threads} → {after.threads}':>12}"
            )
        return "\n".join([*lines, *(f"FAILED: {failure}" for failure in self.failures)])


def soak(
    url: str,
    family: ProcessFamily,
    seconds: float,
    *,
    warm_up_seconds: float,
    clients: int = 6,
    seed: int = 1,
    bounds: Bounds | None = None,
) -> Report:
    """Load a service and watch its processes.

    Args:
        url: Of the service.
        family: Its processes.
        seconds: How long it is watched.
        warm_up_seconds: Load before that: pools fill, code is compiled, replicas start.
        clients: Requests at a time.
        seed: Another seed, another order of requests.
        bounds: What may grow by how much.
    """
    bounds = bounds or Bounds()
    watch, warm_up = Watch(family), Watch(family)
    with Load(url, clients, seed) as load:
        warm_up.run(warm_up_seconds, max(1.0, warm_up_seconds / 4))
        watch.run(seconds, seconds / SAMPLES)
    growth = watch.growth()
    before, after = watch.process_counts()
    failures = [what for grown in growth for what in grown.beyond(bounds)]
    if after - before > bounds.processes:
        failures.append(f"{after - before} processes more than before")
    return Report(seconds, dict(load.sent), (before, after), growth, failures + load.wrong[:20])
