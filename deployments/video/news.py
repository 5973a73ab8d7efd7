"""One account of an analysis that was begun anew, because its replica died."""

from __future__ import annotations

from deployments.video.analysis import AnalysisEvent, LabelFound, Progress


class News:
    """Tells apart what a client has not heard yet: a label is found once, progress only grows."""

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._fraction = -1.0

    def __call__(self, event: AnalysisEvent) -> bool:
        """Whether the event is to be told; it counts as told then."""
        if isinstance(event, LabelFound):
            if event.label in self._found:
                return False
            self._found.add(event.label)
        elif isinstance(event, Progress):
            if event.fraction < self._fraction:
                return False
            self._fraction = event.fraction
        return True
