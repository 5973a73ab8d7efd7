from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deployments.errors import OverloadedError
from serve_app.admission import (
    ALWAYS_ADMITTED,
    SLOW_UPLOAD_SECONDS,
    Lane,
    LaneLimits,
    Ticket,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lane(max_requests: int = 100, max_wait_seconds: float | None = None) -> tuple[Lane, Clock]:
    clock = Clock()
    return Lane(LaneLimits(max_requests, max_wait_seconds), clock), clock


def entered(to: Lane, count: int) -> list[Ticket]:
    tickets = [to.enter() for _ in range(count)]
    for ticket in tickets:
        to.uploaded(ticket)
    return tickets


def test_so_many_come_in_and_the_next_is_told_when_to_try_again() -> None:
    images, _ = lane(max_requests=3)
    first, *_ = entered(images, 3)
    with pytest.raises(OverloadedError) as refused:
        images.enter()
    assert refused.value.retry_after_seconds == 1
    images.leave(first)
    entered(images, 1)


def busy(answers_per_second: float, under_way: int) -> tuple[Lane, Clock]:
    """A lane that has answered at a rate, and has so many requests under way."""
    images, clock = lane(max_wait_seconds=2)
    tickets = entered(images, under_way + 20)
    for ticket in tickets[:20]:
        clock.now += 1 / answers_per_second
        images.leave(ticket)
    return images, clock


def test_a_request_that_would_wait_for_too_long_is_refused() -> None:
    slow, _ = busy(answers_per_second=5, under_way=10)  # 11 / 5 s
    with pytest.raises(OverloadedError):
        slow.enter()
    fast, _ = busy(answers_per_second=50, under_way=10)
    fast.enter()


def test_the_more_a_lane_is_behind_the_later_a_client_is_to_try_again() -> None:
    images, clock = busy(answers_per_second=5, under_way=9)
    clock.now += 30  # it stalls
    with pytest.raises(OverloadedError) as refused:
        images.enter()
    assert refused.value.retry_after_seconds > 5


def test_a_pause_among_the_first_answers_is_not_taken_for_a_slow_service() -> None:
    images, clock = lane(max_wait_seconds=10)
    tickets = entered(images, 40)
    for ticket in tickets[:8]:
        images.leave(ticket)
    clock.now += 2.5  # 8 answers in 2.5 s, and 32 requests under way
    images.enter()
    clock.now += 2.5  # for half of the longest wait
    with pytest.raises(OverloadedError):
        images.enter()


def test_few_requests_are_admitted_however_slow_the_service_is() -> None:
    images, _ = busy(answers_per_second=0.01, under_way=ALWAYS_ADMITTED - 1)
    images.enter()


def test_an_idle_time_is_not_taken_for_a_slow_service() -> None:
    images, clock = lane(max_wait_seconds=1)
    for ticket in entered(images, 20):
        clock.now += 0.01
        images.leave(ticket)
    clock.now += 3600
    entered(images, 20)


def test_slow_uploads_do_not_take_others_places() -> None:
    images, clock = lane(max_requests=2)
    slow = [images.enter(), images.enter()]
    clock.now += SLOW_UPLOAD_SECONDS
    entered(images, 2)
    for ticket in slow:
        images.uploaded(ticket)  # now they are work; nothing was promised to anyone else
    assert images.under_way == 4
    with pytest.raises(OverloadedError):
        images.enter()


def test_a_sudden_rush_is_admitted_by_the_rate_of_the_last_one() -> None:
    images, clock = lane(max_wait_seconds=4)
    for ticket in entered(images, 30):  # five a second
        clock.now += 0.2
        images.leave(ticket)
    clock.now += 600
    entered(images, 19)
    with pytest.raises(OverloadedError):
        entered(images, 2)


def test_few_requests_at_a_time_tell_nothing_of_a_rush() -> None:
    """One after the other they do not share batches."""
    images, clock = lane(max_wait_seconds=4)
    for _ in range(30):
        (ticket,) = entered(images, 1)
        clock.now += 1
        images.leave(ticket)
    entered(images, 50)


def test_a_body_that_ends_after_its_answer_takes_no_place() -> None:
    images, clock = lane(max_requests=2)
    slow = images.enter()
    clock.now += SLOW_UPLOAD_SECONDS
    entered(images, 1)  # the slow one does not count any more
    images.leave(slow)
    images.uploaded(slow)
    images.leave(slow)
    assert images.under_way == 1


class LaneOfManyRequests(RuleBasedStateMachine):
    """Requests that come, upload, and leave in any order, at any time."""

    LIMIT = 12

    def __init__(self) -> None:
        super().__init__()
        self.lane, self.clock = lane(max_requests=self.LIMIT, max_wait_seconds=3)
        self.uploading: list[Ticket] = []
        self.working: list[Ticket] = []

    @rule(seconds=st.sampled_from([0.001, 0.5, 5.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def come(self) -> None:
        try:
            self.uploading.append(self.lane.enter())
        except OverloadedError:
            assert self.lane.under_way >= ALWAYS_ADMITTED
        else:
            assert self.lane.under_way <= self.LIMIT

    @precondition(lambda self: self.uploading)
    @rule(data=st.data())
    def upload(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.uploading))
        self.uploading.remove(ticket)
        self.lane.uploaded(ticket)
        self.working.append(ticket)

    @precondition(lambda self: self.uploading or self.working)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.uploading + self.working))
        (self.uploading if ticket in self.uploading else self.working).remove(ticket)
        self.lane.leave(ticket)

    @invariant()
    def whoever_works_counts_and_nobody_else_stays(self) -> None:
        assert len(self.working) <= self.lane.under_way
        assert self.lane.under_way <= len(self.working) + len(self.uploading)


LaneOfManyRequests.TestCase.settings = settings(max_examples=50, deadline=None)
TestLaneOfManyRequests = LaneOfManyRequests.TestCase
