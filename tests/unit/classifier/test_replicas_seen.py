from __future__ import annotations

from deployments.classifier.replicas_seen import REMEMBERED_SECONDS, ReplicasSeen


def test_replicas_are_counted_while_they_answer() -> None:
    now = 0.0
    replicas = ReplicasSeen(clock=lambda: now)
    assert replicas.count() == 1  # there is one, or calls wait for one
    for name in ("a", "b", "a"):
        replicas.saw(name)
    assert replicas.count() == 2
    now = REMEMBERED_SECONDS
    replicas.saw("b")
    now += 1
    assert replicas.count() == 1
