"""What the ingress needs of the video deployment, however it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deployments.types import Buffer
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import VideoAnalyst


class VideoFinder(Protocol):
    """Finds labels in videos.

    Implementations: `VideoClient`, `LocalVideoFinder`, `FakeVideoFinder`.
    """

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """First frames, counted from 1, in which labels reach their threshold.

        Args:
            data: A whole video file.
            queries: One or more models' questions; the video is decoded once for all of them.
            skip_percentage: None: every frame. Else every k-th frame from the first on,
                ``k = max(1, round(frames × skip_percentage / 100))``.

        Returns:
            One list of findings a query, in the queries' order.

        Raises:
            MediaError: Not a video, damaged at any place that was looked at, or too large.
            UnknownLabelError: A label that the model cannot return.
            ModelError, ServiceError: As `Classifier.classify`.
        """
        ...


class VideoService(VideoFinder, VideoAnalyst, Protocol):
    """All that is asked about videos. Implementations: `VideoClient`, `FakeVideoAnalyst`."""
