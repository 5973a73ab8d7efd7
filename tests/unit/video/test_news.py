from __future__ import annotations

from collections.abc import Iterator

from deployments.video.analysis import AnalysisEvent, LabelFound, Progress
from deployments.video.news import News


def told(*tries: list[AnalysisEvent]) -> list[AnalysisEvent]:
    news = News()

    def events() -> Iterator[AnalysisEvent]:
        for events in tries:
            yield from events

    return [event for event in events() if news(event)]


def found(label: str, frame: int = 1) -> LabelFound:
    return LabelFound(label, frame, frame / 30, 0.9)


def test_what_one_try_tells_is_told_whole() -> None:
    events = [Progress(1, 0.1), found("nsfw"), Progress(1, 0.1), found("gore"), Progress(9, 1)]
    assert told(events) == events


def test_a_second_try_goes_on_where_the_first_one_was() -> None:
    first = [Progress(1, 0.1), found("nsfw", 30), Progress(5, 0.5)]
    second = [Progress(1, 0.1), found("nsfw", 28), Progress(5, 0.5), found("gore"), Progress(9, 1)]
    assert told(first, second) == [*first, *second[2:]]
