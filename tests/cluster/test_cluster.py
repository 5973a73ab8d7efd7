"""Vigil on several hosts: spread, scaled by load, and answering while hosts are lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.conftest import MODEL
from tests.cluster.load import HEADER, Record, animation, ask_from, eventually, load
from tests.cluster.network import Host
from tests.cluster.reaper import processes
from tests.cluster.service import Service

pytestmark = pytest.mark.cluster

CLIENTS = 6
FRAMES = 16
"""Of each request: more than a batch, so two calls or more."""
ERRORS_STOP_SECONDS = 10
SCALING_SECONDS = 120


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def line(text: str) -> None:
        with capsys.disabled():
            print(text)

    return line


def test_replicas_are_on_every_worker_and_haproxy_answers_right_on_every_host(
    service: Service,
) -> None:
    assert set(service.replicas("Ingress").values()) == {h.address for h in service.cluster.workers}
    for number, host in enumerate(service.hosts):
        assert "haproxy" in names_of(host), f"{host.name} runs no HAProxy"
        answer = ask_from(service.client, host, animation(4, number))
        assert answer.right, answer


def test_a_model_scales_up_by_the_frames_that_wait_and_down_when_they_are_gone(
    service: Service, report: Callable[[str], None]
) -> None:
    assert len(model_replicas(service)) == 1
    began = time.monotonic()
    with load(service.client, service.cluster.workers, CLIENTS, FRAMES) as record:
        assert eventually(lambda: len(model_replicas(service)) == 3, SCALING_SECONDS)
        grown = time.monotonic() - began
        assert len(set(model_replicas(service).values())) == 3
        before = time.monotonic()
        assert eventually(lambda: len(record.since(before)) > CLIENTS, SCALING_SECONDS)
    ended = time.monotonic()
    assert eventually(lambda: len(model_replicas(service)) == 1, SCALING_SECONDS)
    report(
        f"\n  autoscaling by frames: {CLIENTS * FRAMES} frames wanted at a time, target 12 for each"
        f" replica: 1 → 3 replicas after {grown:.1f} s of load, 3 → 1"
        f" {time.monotonic() - ended:.1f} s after it; {len(record.answers)} answers,"
        f" {len(record.lost)} lost, {len(record.wrong)} wrong"
    )
    assert record.lost == []
    assert record.wrong == []


def test_a_worker_that_is_cut_off_costs_requests_for_ten_seconds_at_most(
    service: Service, report: Callable[[str], None]
) -> None:
    worker = service.cluster.workers[2]
    record, fault = while_losing(service, worker, lambda: worker.set_link(up=False))
    report(HEADER)
    report(record.row("worker cut off", fault))
    assert record.wrong == []
    assert [a for a in record.since(fault + ERRORS_STOP_SECONDS) if not a.right] == []
    service.rejoin(worker)


def test_a_worker_that_dies_costs_requests_for_ten_seconds_at_most(
    service: Service, report: Callable[[str], None]
) -> None:
    worker = service.cluster.workers[1]
    record, fault = while_losing(service, worker, worker.kill)
    report(record.row("worker killed", fault))
    assert record.wrong == []
    assert [a for a in record.since(fault + ERRORS_STOP_SECONDS) if not a.right] == []
    service.rejoin(worker)


def test_the_service_answers_without_its_head_and_a_new_head_takes_it_over(
    service: Service, report: Callable[[str], None]
) -> None:
    replicas = service.replicas("Ingress")
    with load(service.client, service.cluster.workers, CLIENTS, FRAMES) as record:
        fault = time.monotonic()
        service.cluster.head.kill()
        assert eventually(lambda: len(record.since(fault)) > 10 * CLIENTS, SCALING_SECONDS)
        service.cluster.start_head()
        service.wait_until_whole()
        back = time.monotonic()
        assert eventually(lambda: len(record.since(back)) > 5 * CLIENTS, SCALING_SECONDS)
    report(record.row(f"head killed, back after {back - fault:.0f} s", fault))
    assert record.lost == []
    assert record.wrong == []
    assert service.replicas("Ingress") == replicas, "replicas were restarted"


def model_replicas(service: Service) -> dict[str, str]:
    return service.replicas(f"model-{MODEL}")


def names_of(host: Host) -> set[str]:
    return {
        (Path("/proc") / str(pid) / "comm").read_text().strip() for pid in processes(host.namespace)
    }


def while_losing(service: Service, worker: Host, lose: Callable[[], None]) -> tuple[Record, float]:
    """The answers of the other hosts while one is lost under load, and the moment of the fault.

    Each worker holds a replica of the ingress and of the model then.
    """
    others = [host for host in service.hosts if host is not worker]
    with load(service.client, others, CLIENTS, FRAMES) as record:
        assert eventually(lambda: len(model_replicas(service)) == 3, SCALING_SECONDS)
        fault = time.monotonic()
        lose()
        after = fault + ERRORS_STOP_SECONDS
        assert eventually(lambda: len(record.since(after)) > 10 * CLIENTS, SCALING_SECONDS)
    return record, fault
