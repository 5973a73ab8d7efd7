"""A real Prometheus scrapes the running service; every query that the project ships has data.

The names of our own metrics are compared with the catalog in ``tests/unit/test_observability.py``.
"""

from __future__ import annotations

import math
import re
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.prometheus import (
    OBSERVABILITY,
    Prometheus,
    expressions,
    program,
    scraping,
)
from tests.integration.service import ROOT, Service

GIVE_UP_SECONDS = 150
"""Ray reports every ten seconds, and a rate needs two reports that differ."""

SAMPLES = ROOT / "examples" / "samples"


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program("prometheus")
    with scraping(service, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture(scope="module")
def traffic(service: Service) -> Iterator[None]:
    """Requests of every kind, until the tests are done: a rate of what happened once is nothing."""
    stop = threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        with service.client() as client:
            while not stop.is_set():
                try:
                    ask(client)
                except (AssertionError, httpx.HTTPError) as error:
                    failures.append(error)
                    return
                stop.wait(0.5)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join(120)
    assert not failures


def ask(client: httpx.Client) -> None:
    """One round: images, a refused one, videos both ways, on-demand models that evict others."""
    flagged, video = (SAMPLES / name for name in ("flagged.jpg", "video.mp4"))
    files = [("files", flagged.read_bytes()), ("files", b"no image")]
    assert client.post("/v1/images", files=files).status_code == 200
    image = {"file": flagged.read_bytes()}
    assert client.post("/api/image-classification", files=image).status_code == 200
    bad = {"file": b"no image"}
    assert client.post("/api/image-classification", files=bad).status_code == 415
    for path in ("/v1/videos", "/api/video-classification"):
        assert client.post(path, files={"file": video.read_bytes()}).status_code == 200
    for name in ("acme/one", "acme/two", "acme/three"):
        answer = client.post(f"/api/image-classification?model_name={name}", files=image)
        assert answer.status_code == 200


def test_the_rules_and_the_configuration_are_valid() -> None:
    for arguments in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        done = subprocess.run(
            [program("promtool"), "check", *arguments],
            cwd=OBSERVABILITY,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("traffic")
def test_every_query_of_the_dashboard_and_the_alerts_returns_data(prometheus: Prometheus) -> None:
    missing = expressions()
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while missing and time.monotonic() < give_up:
        missing = {
            name: expression
            for name, expression in missing.items()
            if not has_data(prometheus.query(expression))
        }
        time.sleep(1)
    assert not missing
    # `or vector(0)` gives data for any name: so the names are looked at, too. Those of Ray and
    # HAProxy must exist here; ours are in the catalog (tests/unit/test_observability.py).
    names = {
        name
        for expression in expressions().values()
        for name in re.findall(r"\b(?:ray_(?!vigil_)|haproxy_)\w+", expression)
    }
    assert [name for name in names if not prometheus.query(f"count({name})")] == []


@pytest.mark.usefixtures("traffic")
def test_what_is_counted_is_what_happened(prometheus: Prometheus) -> None:
    def value(expression: str) -> float:
        return sum(prometheus.query(expression).values())

    assert value("sum(ray_vigil_frames_total) / sum(ray_vigil_batches_total)") >= 1
    assert value('sum(ray_vigil_rejected_total{reason="unsupported-media"})') >= 2
    assert (
        value('sum(ray_vigil_requests_total{route="/api/image-classification",status="415"})') > 0
    )
    assert value('sum(ray_vigil_flagged_frames_total{model="builtin/demo",label="nsfw"})') > 0
    assert value("sum(ray_vigil_on_demand_evictions_total)") > 0
    assert value('sum(ray_vigil_videos_total{operation="analyse",outcome="complete"})') > 0
    assert value('sum(ray_vigil_video_frames_total{kind="decoded"})') > 0
    # Every mean that the dashboard shows is between the bounds that its histogram has.
    wait = value("sum(ray_vigil_stage_time_seconds_total) / sum(ray_vigil_stage_seconds_count)")
    assert 0 < wait < 60
    routes = prometheus.query("count by (route) (ray_vigil_requests_total)")
    assert not [route for route in routes if "?" in route or "{route" in route]


def test_everything_that_runs_is_scraped(prometheus: Prometheus) -> None:
    targets = prometheus.targets()
    assert targets == {"vigil": ["up"], "vigil-haproxy": ["up"]}


def has_data(found: dict[str, float]) -> bool:
    # A quantile of what had no requests lately is NaN, such as of a route that other tests used.
    return any(not math.isnan(value) for value in found.values())
