"""A video's scores over time as a picture: a curve and shaded segments for each label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from vigil_client.models import Series, VideoAnswer

_WIDTH, _PANEL_HEIGHT = 1200, 190
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 62, 24, 70, 44, 34
_SCALE = 2
"""Drawn twice as large and then reduced, which smooths the lines."""
_INK, _PALE, _GRID, _PAPER = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
_COLOURS = ("#d1242f", "#0969da", "#1a7f37", "#9a6700", "#8250df", "#bc4c00")
_TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 12


def draw(answer: VideoAnswer) -> Image.Image:
    """The plot.

    Args:
        answer: With its series (``include=["scores"]``).

    Raises:
        ValueError: There is no series.
    """
    if answer.series is None:
        raise ValueError("The answer holds no scores to plot.")
    labels = [label.label for label in answer.labels]
    height = _TOP + len(labels) * (_PANEL_HEIGHT + _GAP) - _GAP + _BOTTOM
    image = Image.new("RGB", (_WIDTH * _SCALE, height * _SCALE), _PAPER)
    pen = _Pen(ImageDraw.Draw(image))
    times = answer.series.time_seconds
    duration = answer.media.duration_seconds or (times[-1] if times else 0.0)
    axis = _Axis(0.0, max(duration, 1e-3))
    pen.text(_LEFT, 14, _title(answer), _INK, 17)
    for row, label in enumerate(labels):
        top = _TOP + row * (_PANEL_HEIGHT + _GAP)
        _Panel(pen, axis, top, label, _COLOURS[row % len(_COLOURS)]).draw(answer, answer.series)
    _time_labels(pen, axis, height - _BOTTOM)
    return image.resize((_WIDTH, height), Image.Resampling.LANCZOS)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Seconds → pixels from the left."""

    start: float
    end: float

    def x(self, seconds: float) -> float:
        share = (min(max(seconds, self.start), self.end) - self.start) / (self.end - self.start)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        span = self.end - self.start
        fitting = (step for step in _TICK_STEPS if span / step <= _MOST_TICKS)
        step = next(fitting, span / _MOST_TICKS)
        return [self.start + i * step for i in range(int(span / step + 1e-6) + 1)]


class _Pen:
    """Draws in the picture's own pixels on a canvas that is `_SCALE` times as large."""

    def __init__(self, canvas: ImageDraw.ImageDraw) -> None:
        self._canvas = canvas

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._canvas.line(scaled, colour, max(1, round(width * _SCALE)), joint="curve")

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        corners = [left, top, max(right, left + 1), bottom]
        self._canvas.rectangle([value * _SCALE for value in corners], fill=colour)

    def dot(self, x: float, y: float, colour: str, radius: float = 3.5) -> None:
        corners = [x - radius, y - radius, x + radius, y + radius]
        self._canvas.ellipse([value * _SCALE for value in corners], fill=colour)

    def text(
        self, x: float, y: float, text: str, colour: str, size: int = 13, anchor: str = "la"
    ) -> None:
        font = ImageFont.load_default(size * _SCALE)
        self._canvas.text((x * _SCALE, y * _SCALE), text, fill=colour, font=font, anchor=anchor)


@dataclass(frozen=True, slots=True)
class _Panel:
    """One label's curve."""

    pen: _Pen
    axis: _Axis
    top: int
    label: str
    colour: str

    def draw(self, answer: VideoAnswer, series: Series) -> None:
        left, right = _LEFT, _WIDTH - _RIGHT
        for segment in answer.segments:
            if segment.label == self.label:
                start, end = self.axis.x(segment.start_seconds), self.axis.x(segment.end_seconds)
                self.pen.box(start, self.top, end, self.top + _PANEL_HEIGHT, _tint(self.colour))
        for score in (0.0, 0.25, 0.5, 0.75, 1.0):
            self.pen.line([(left, self._y(score)), (right, self._y(score))], _GRID, 0.5)
            self.pen.text(left - 8, self._y(score), f"{score:g}", _PALE, anchor="rm")
        self.pen.text(left, self.top - 21, self.label, self.colour, 14)
        self._threshold(answer.policy.thresholds.get(self.label))
        self._curve(series)

    def _threshold(self, threshold: float | None) -> None:
        if threshold is None:
            return
        y, right = self._y(threshold), _WIDTH - _RIGHT
        for x in range(_LEFT, right, 10):
            self.pen.line([(x, y), (min(x + 5, right), y)], _INK, 0.75)
        self.pen.text(right, self.top - 20, f"threshold {threshold:g}", _PALE, anchor="ra")

    def _curve(self, series: Series) -> None:
        scores = series.scores[self.label]
        points = [
            (self.axis.x(seconds), self._y(score))
            for seconds, score in zip(series.time_seconds, scores, strict=True)
        ]
        if len(points) > 1:
            self.pen.line(points, self.colour, 1.5)
        if points:
            peak = max(range(len(scores)), key=lambda i: scores[i])
            self.pen.dot(*points[peak], self.colour)

    def _y(self, score: float) -> float:
        return self.top + (1 - score) * _PANEL_HEIGHT


def _time_labels(pen: _Pen, axis: _Axis, y: int) -> None:
    for seconds in axis.ticks():
        x = axis.x(seconds)
        pen.line([(x, y), (x, y + 5)], _PALE)
        pen.text(x, y + 9, _clock(seconds), _PALE, anchor="ma")


def _title(answer: VideoAnswer) -> str:
    verdict = {True: "flagged", False: "not flagged", None: "no flagged labels"}[answer.flagged]
    incomplete = "" if answer.coverage.complete else ", not complete"
    gap = answer.coverage.largest_gap_seconds
    return f"{answer.model.name}: {verdict}{incomplete}; looked at least every {gap:.2g} s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}" if rest % 1 else f"{int(minutes)}:{int(rest):02d}"


def _tint(colour: str) -> str:
    """The colour on white paper at a sixth of its strength."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - part) / 6):02x}" for part in parts)
