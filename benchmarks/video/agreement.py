"""Do two systems judge the same frames, and alike? Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.json_file import Json
from benchmarks.video.client import Analysed, AnswerError
from benchmarks.video.results import Agreement


def agreement(ours: Sequence[float], theirs: Sequence[float], threshold: float) -> Agreement:
    """Scores of one label, frame by frame.

    Raises:
        AnswerError: They judged different numbers of frames.
    """
    if len(ours) != len(theirs):
        raise AnswerError(f"{len(ours)} frames were judged instead of {len(theirs)}")
    pairs = list(zip(ours, theirs, strict=True))
    return Agreement(
        frames=len(pairs),
        other_labels=sum((a >= threshold) != (b >= threshold) for a, b in pairs),
        worst=max(abs(a - b) for a, b in pairs),
    )


def first_frames_differing(answer: Json, nsfw: Sequence[float], threshold: float) -> Agreement:
    """The answer of ``/api`` beside what it has to be by another system's scores.

    Args:
        answer: Findings with ``frame``, ``label`` and ``score``; asked for both labels.
        nsfw: Scores of every frame; those of ``normal`` are what they leave of 1.
        threshold: Of both labels.

    Returns:
        ``other_labels`` counts labels whose first frame is another one.
    """
    assert isinstance(answer, Sequence)
    found: dict[str, tuple[int, float]] = {}
    for entry in answer:
        assert isinstance(entry, Mapping)
        found[str(entry["label"])] = int(str(entry["frame"])), float(str(entry["score"]))
    columns = {"nsfw": nsfw, "normal": [1 - score for score in nsfw]}
    different, worst = 0, 0.0
    for label, scores in columns.items():
        expected = next((i for i, score in enumerate(scores, 1) if score >= threshold), None)
        frame, score = found.get(label, (None, 0.0))
        different += frame != expected
        if frame is not None:
            worst = max(worst, abs(score - scores[frame - 1]))
    return Agreement(len(nsfw), different, worst)


def edge_error_seconds(answer: Analysed, flagged: tuple[int, int] | None) -> float | None:
    """How far the edges of the one flagged stretch are from the truth, the worse of both.

    Raises:
        AnswerError: Another number of segments was found.
    """
    segments = answer.result["segments"]
    assert isinstance(segments, Sequence)
    if len(segments) != (flagged is not None):
        raise AnswerError(f"{len(segments)} segments were found")
    if flagged is None:
        return None
    (segment,) = segments
    assert isinstance(segment, Mapping)
    start, end = float(str(segment["start_seconds"])), float(str(segment["end_seconds"]))
    return max(abs(start - flagged[0]), abs(end - flagged[1]))
