"""The choice alone; what comes of it on a real Serve: ``benchmarks/scaling``."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from deployments.classifier.routing import FewestCallsRouter

NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Replica:
    replica_id: str
    max_ongoing_requests: int = 8


class Lengths:
    """What Serve is told of the replicas' queues."""

    def __init__(self) -> None:
        self.noted: dict[str, int] = {}

    def update(self, replica: str, length: int) -> None:
        self.noted[replica] = length


@pytest.fixture
def lengths() -> Lengths:
    return Lengths()


@pytest.fixture
def router(lengths: Lengths, monkeypatch: pytest.MonkeyPatch) -> FewestCallsRouter:
    # Without Serve, whose router needs a controller.
    made = object.__new__(FewestCallsRouter)
    made._use_replica_queue_len_cache = True
    made._replica_queue_len_cache = lengths
    made._replicas = {name: Replica(name) for name in NAMES}
    monkeypatch.setattr(made, "_update_router_queue_len_gauge", lambda *_: None)
    made.initialize_state()
    return made


async def order(router: FewestCallsRouter) -> list[str]:
    ranks = await router.choose_replicas(list(map(Replica, NAMES)))
    return [replica.replica_id for (replica,) in ranks]


async def test_the_replica_with_the_fewest_calls_is_asked_first(
    router: FewestCallsRouter, lengths: Lengths
) -> None:
    for name in ("a", "a", "b", "c", "c", "c"):
        router.on_send_request(name)
    assert await order(router) == ["b", "a", "c"]
    for _ in range(3):
        router.on_request_completed("c", "request")
    assert await order(router) == ["c", "b", "a"]
    assert lengths.noted == {"a": 2, "b": 1, "c": 0}


async def test_equals_are_asked_in_any_order(router: FewestCallsRouter) -> None:
    assert {(await order(router))[0] for _ in range(200)} == set(NAMES)


async def test_a_length_of_old_does_not_make_an_idle_replica_busy(
    router: FewestCallsRouter, lengths: Lengths
) -> None:
    router.on_send_request("a")
    router.on_request_completed("a", "request")
    router.on_new_queue_len_info("a", 5)  # what it was when that call came in
    router.decrement_queue_len_cache("a")
    assert lengths.noted["a"] == 0


async def test_a_replica_that_refuses_is_taken_at_its_word(
    router: FewestCallsRouter, lengths: Lengths
) -> None:
    router.on_send_request("a")
    router.on_new_queue_len_info("a", 8)
    assert lengths.noted["a"] == 8
