"""A contact sheet of what was found: one small picture for each segment's peak, as a JPEG file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import aclosing, closing
from functools import partial

import cv2
import numpy as np

from deployments.media.decode_ahead import decode_ahead
from deployments.types import Frame
from deployments.video.decoding.pool import OpenedVideo
from deployments.video.sampling.decode_plan import DecodePlan
from deployments.video.timeline import Segment

MOST_PICTURES = 24
COLUMNS = 4
CELL_WIDTH, CELL_HEIGHT, CAPTION_HEIGHT = 320, 180, 24
"""Pixels."""
_BLUR_SIGMA = CELL_WIDTH / 20
"""Shapes and colours can be told, faces and details cannot."""
_QUALITY = 85
_FONT, _FONT_SCALE, _INK, _PAPER = cv2.FONT_HERSHEY_SIMPLEX, 0.45, (235, 235, 235), 24


async def draw_sheet(
    video: OpenedVideo, segments: Sequence[Segment], *, blur: bool
) -> bytes | None:
    """The peaks of the segments with the highest scores, in order of time.

    Args:
        video: Open; the peaks are decoded anew.
        segments: What was found in it.
        blur: Whether the pictures are blurred.

    Returns:
        A JPEG file; None where there is no segment.

    Raises:
        MediaError: As `VideoReader.read`.
    """
    if not segments:
        return None
    best = worth_showing(segments)
    positions = [video.table.first_at_or_after(segment.peak_seconds) for segment in best]
    draw = partial(_thumbnails, video, DecodePlan.of(video.table, positions), blur)
    reader = video.reader
    async with aclosing(decode_ahead(draw, video.executor, 1, reader.interrupt)) as thumbnails:
        pictures = {position: thumbnail async for position, thumbnail in thumbnails}
    return compose(best, [pictures[position] for position in positions])


def worth_showing(segments: Sequence[Segment]) -> list[Segment]:
    """Those of the highest peaks, as many as there is room for, in the peaks' order of time."""
    best = sorted(segments, key=lambda segment: -segment.peak_score)[:MOST_PICTURES]
    return sorted(best, key=lambda segment: segment.peak_seconds)


def _thumbnails(video: OpenedVideo, plan: DecodePlan, blur: bool) -> Iterator[tuple[int, Frame]]:
    with closing(video.reader.read(plan.runs)) as frames:
        for seen in frames:
            if seen.pixels is not None:
                yield seen.position, thumbnail(seen.pixels, blur=blur)


def thumbnail(pixels: Frame, *, blur: bool) -> Frame:
    """A cell's picture: the whole frame on a dark ground.

    Args:
        pixels: ``[H, W, 3]``.
        blur: Whether it is blurred.

    Returns:
        ``[CELL_HEIGHT, CELL_WIDTH, 3]``.
    """
    height, width = pixels.shape[:2]
    scale = min(CELL_WIDTH / width, CELL_HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if blur:
        small = cv2.GaussianBlur(small, (0, 0), _BLUR_SIGMA)
    cell = np.full((CELL_HEIGHT, CELL_WIDTH, 3), _PAPER, np.uint8)
    left, top = (CELL_WIDTH - size[0]) // 2, (CELL_HEIGHT - size[1]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    return cell


def compose(segments: Sequence[Segment], thumbnails: Sequence[Frame]) -> bytes:
    """The sheet as a JPEG file.

    Args:
        segments: One or more; their peaks are the captions.
        thumbnails: One for each, as `thumbnail` makes them.
    """
    return _encoded(
        [
            _cell(picture, _caption(segment))
            for picture, segment in zip(thumbnails, segments, strict=True)
        ]
    )


def _caption(segment: Segment) -> str:
    minutes, seconds = divmod(segment.peak_seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    label = segment.label.encode("ascii", "replace").decode()  # OpenCV's fonts have no more
    return f"{hours}:{minutes:02}:{seconds:05.2f}  {segment.peak_score:.2f}  {label}"


def _cell(picture: Frame, caption: str) -> Frame:
    strip = np.full((CAPTION_HEIGHT, CELL_WIDTH, 3), _PAPER, np.uint8)
    cv2.putText(strip, caption, (6, 16), _FONT, _FONT_SCALE, _INK, 1, cv2.LINE_AA)
    return np.concatenate((picture, strip))


def _encoded(cells: list[Frame]) -> bytes:
    columns = min(COLUMNS, len(cells))
    blank = np.full_like(cells[0], _PAPER)
    cells = cells + [blank] * (-len(cells) % columns)
    rows = [np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)]
    sheet = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(jpeg)
