"""One request, followed through every process by its trace and by its id in JSON log lines."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.collector import Collector, Span, collecting
from tests.integration.prometheus import logs
from tests.integration.service import ROOT, Service, default_config, running

SAMPLES = ROOT / "examples" / "samples"
KEY = "a-key-that-no-log-may-hold"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running_collector:
        yield running_collector


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with JSON logs, a line for each request, and traces."""
    config = default_config()
    config["logging_config"]["encoding"] = "JSON"
    args = config["applications"][0]["args"]
    args["models"][0] |= {"num_cpus": 0.4, "replicas": {"min": 1, "max": 1}}
    args["on_demand"]["allow"] = []
    args["observability"] = {"access_log": "all"}
    environ = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "API_KEYS": KEY,
    }
    with running(config, tmp_path_factory.mktemp("traced"), environ) as service:
        yield service


@pytest.fixture
def client(traced: Service) -> Iterator[httpx.Client]:
    with traced.client(headers={"X-API-Key": KEY}) as http:
        yield http


def sent(client: httpx.Client, path: str, sample: str, field: str = "file") -> tuple[str, str]:
    """One request: its trace's id, which the client chose, and its own."""
    trace_id, request_id = secrets.token_hex(16), f"test-{secrets.token_hex(4)}"
    answer = client.post(
        path,
        files={field: (sample, (SAMPLES / sample).read_bytes())},
        headers={
            "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01",
            "X-Request-ID": request_id,
        },
    )
    assert answer.status_code == 200, answer.text
    return trace_id, request_id


def one(spans: list[Span], name: str) -> Span:
    return next(span for span in spans if span.name == name)


def test_an_image_is_one_trace_over_ingress_and_model(
    client: httpx.Client, collector: Collector
) -> None:
    trace_id, request_id = sent(client, "/v1/images", "flagged.jpg", "files")
    names = {"POST /v1/images", "decode", "classify", "model", "model.batch"}
    spans = collector.wait_for(names, trace_id)
    server, decode, classify = (one(spans, n) for n in ("POST /v1/images", "decode", "classify"))
    model, batch = one(spans, "model"), one(spans, "model.batch")
    assert [s.component for s in (server, decode, classify)] == ["ingress"] * 3
    assert [s.component for s in (model, batch)] == ["model"] * 2
    assert decode.parent_id == classify.parent_id == server.span_id
    assert model.parent_id == classify.span_id
    assert batch.links == (classify.span_id,)
    assert model.links == (batch.span_id,)
    assert batch.trace_id != trace_id  # a batch is of several requests
    assert server.attributes["vigil.request_id"] == request_id


@pytest.mark.parametrize(
    ("path", "operation"),
    [("/v1/videos", "video.analyse"), ("/api/video-classification", "video.find")],
)
def test_a_video_is_one_trace_over_ingress_video_and_model(
    client: httpx.Client, collector: Collector, path: str, operation: str
) -> None:
    trace_id, _ = sent(client, path, "video.mp4")
    spans = collector.wait_for({f"POST {path}", operation, "classify", "model"}, trace_id)
    server, video = one(spans, f"POST {path}"), one(spans, operation)
    classified = [span for span in spans if span.name == "classify"]
    assert video.component == "video"
    assert video.parent_id == server.span_id
    assert {span.component for span in classified} == {"video"}
    parents = {span.span_id for span in classified}
    assert {span.parent_id for span in spans if span.name == "model"} <= parents


def access_lines(service: Service) -> dict[str, dict[str, Any]]:
    """Access log lines by request id; every line of the ingress is JSON."""
    lines = [json.loads(line) for line in logs(service, "Ingress").splitlines()]
    return {line["request_id"]: line for line in lines if "duration_ms" in line}


def test_every_request_has_a_json_line_with_its_id_and_none_of_what_it_sent(
    client: httpx.Client, traced: Service
) -> None:
    _, image = sent(client, "/v1/images", "flagged.jpg", "files")
    refused = client.post(
        "/api/image-classification",
        files={"file": ("my-private-name.png", b"no image")},
        headers={"X-Request-ID": "test-refused"},
    )
    assert refused.status_code == 415
    lines = access_lines(traced)
    assert (
        lines[image].items()
        >= {
            "method": "POST",
            "route": "/v1/images",
            "status": 200,
            "model": "builtin/demo",
            "levelname": "INFO",
        }.items()
    )
    assert lines[image]["request_bytes"] > 1000
    assert lines["test-refused"]["status"] == 415
    assert lines["test-refused"]["problem"] == "unsupported-media"
    written = "".join(logs(traced, name) for name in ("Ingress", "VideoClassifier", "model"))
    assert KEY not in written
    assert "my-private-name" not in written
