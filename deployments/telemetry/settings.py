"""What a replica has to know to be observed; a part of what its deployment is bound with."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.telemetry.logs import log_to_serve


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """The same for all replicas of the service."""

    traces: bool = False
    """Export spans."""
    flagged_score: float = 0.7
    """Score from which on a frame is counted as flagged."""

    def start(self, component: str) -> None:
        """Begin to observe this process.

        Args:
            component: What it is, in its spans.

        Raises:
            TracingUnavailableError: Tracing is on, and its packages are not installed.
        """
        log_to_serve()
        if self.traces:
            # Only here: the SDK costs an import that untraced services need not pay.
            from deployments.telemetry.otel import start_tracing

            start_tracing(component)
