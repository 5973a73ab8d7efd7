"""What is recorded of requests: metrics, and lines of the access log."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.errors import InferenceError, OverloadedError
from deployments.telemetry import catalog
from deployments.telemetry.metrics import MemoryMetrics
from deployments.video.fake import FakeVideoAnalyst
from serve_app.application import create_app
from serve_app.config import resolve
from serve_app.observer import GATE, RequestObserver, counting_refusals
from tests.unit.serve_app.media import still

IMAGE = "/api/image-classification"


class Observed:
    """The application with metrics in memory."""

    def __init__(self, access_log: str = "off", **args: object) -> None:
        config = resolve({"observability": {"access_log": access_log}, **args}, {})
        self.metrics = MemoryMetrics()
        self.classifier = FakeClassifier([FAKE_MODEL])
        videos = FakeVideoAnalyst({})
        self.app = create_app(config, self.classifier, videos, metrics=self.metrics)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://vigil"
        )

    async def post(self, path: str, *contents: bytes, field: str = "file") -> httpx.Response:
        files = [(field, ("private-name.png", content)) for content in contents]
        return await self.client.post(path, files=files, headers={"X-API-Key": "secret"})

    def requests(self) -> dict[tuple[str, ...], float]:
        return {key[1]: n for key, n in self.metrics.counted.items() if key[0] == catalog.REQUESTS}

    def rejected(self) -> dict[tuple[str, ...], float]:
        return {key[1]: n for key, n in self.metrics.counted.items() if key[0] == catalog.REJECTED}


async def test_requests_are_counted_by_the_routes_template_and_the_status() -> None:
    observed = Observed()
    await observed.post(f"{IMAGE}?model_name=builtin/demo", still(0.5))
    await observed.client.get("/healthz")
    await observed.client.get("/somebody/elses/path")
    await observed.client.get("/openapi.json")
    assert observed.requests() == {
        (IMAGE, "200"): 1,
        ("/healthz", "200"): 1,
        ("unmatched", "404"): 1,
        ("/openapi.json", "200"): 1,
    }


async def test_a_static_file_counts_under_its_mount() -> None:
    observed = Observed()
    await observed.client.get("/docs-assets/swagger-ui.css")
    [(route, _)] = observed.requests()
    assert "swagger-ui" not in route


async def test_the_stages_of_an_image_add_up_to_no_more_than_the_request() -> None:
    observed = Observed()
    await observed.post(IMAGE, still(0.5))
    stages = {
        labels[0]: values
        for (metric, labels), values in observed.metrics.observed.items()
        if metric == catalog.STAGE_SECONDS
    }
    assert set(stages) == {"receive", "decode", "classify", "answer"}
    [request] = observed.metrics.observed[catalog.REQUEST_SECONDS, (IMAGE,)]
    assert sum(map(sum, stages.values())) <= request
    assert observed.metrics.total(catalog.REQUEST_TIME, IMAGE) == request
    assert observed.metrics.total(catalog.REQUEST_BYTES, IMAGE) > len(still(0.5))


async def test_refusals_are_counted_by_the_problems_code() -> None:
    observed = Observed()
    await observed.post(IMAGE, b"no image")
    await observed.post(f"{IMAGE}?model_name=nobody/knows", still(0.5))
    await observed.client.get("/nowhere")
    observed.classifier.fail(FAKE_MODEL.name, InferenceError("It failed."))
    await observed.post(IMAGE, still(0.5))
    assert observed.rejected() == {
        (IMAGE, "unsupported-media"): 1,
        (IMAGE, "model-not-found"): 1,
        ("unmatched", "not-found"): 1,
        (IMAGE, "inference-failed"): 1,
    }


async def test_files_that_fail_within_an_answer_are_counted_too() -> None:
    observed = Observed()
    answer = await observed.post("/v1/images", still(0.5), b"no image", b"nor this", field="files")
    assert answer.status_code == 200
    assert observed.rejected() == {("/v1/images", "unsupported-media"): 2}


def test_what_the_gate_refuses_is_counted() -> None:
    metrics = MemoryMetrics()
    counting_refusals(metrics)(OverloadedError("Full."))
    assert metrics.total(catalog.REQUESTS, GATE, "503") == 1
    assert metrics.total(catalog.REJECTED, GATE, "overloaded") == 1


async def receive_nothing() -> Message:
    return {"type": "http.request"}


async def send_nowhere(_: Message) -> None:
    return


def scope() -> Scope:
    return {"type": "http", "method": "POST", "path": "/x", "headers": []}


async def test_a_client_that_leaves_is_no_failure_of_the_service() -> None:
    metrics = MemoryMetrics()
    began = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        await asyncio.Event().wait()

    async def left_off(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    observer = RequestObserver(slow, metrics, "errors")
    task = asyncio.ensure_future(observer(scope(), receive_nothing, send_nowhere))
    await began.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await RequestObserver(left_off, metrics, "errors")(scope(), receive_nothing, send_nowhere)
    assert metrics.total(catalog.REQUESTS, "unmatched", "499") == 2
    assert not any(key[0] == catalog.REJECTED for key in metrics.counted)


async def test_an_answer_that_breaks_off_is_a_failure_of_the_service() -> None:
    metrics = MemoryMetrics()

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        await RequestObserver(broken, metrics, "off")(scope(), receive_nothing, send_nowhere)
    assert metrics.total(catalog.REQUESTS, "unmatched", "500") == 1


def access_lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "serve_app.access"]


@pytest.mark.parametrize(("mode", "lines"), [("off", 0), ("errors", 1), ("all", 3)])
async def test_the_access_log_has_the_lines_that_were_asked_for(
    mode: str, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    observed = Observed(mode)
    with caplog.at_level(logging.INFO, "serve_app"):
        await observed.client.get("/healthz")
        await observed.post(IMAGE, still(0.5))
        await observed.post(IMAGE, b"no image")
        observed.classifier.fail(FAKE_MODEL.name, InferenceError("It failed."))
        await observed.post(IMAGE, still(0.5))
    assert len(access_lines(caplog)) == lines


async def test_a_line_has_what_happened_and_nothing_that_was_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    observed = Observed("all")
    with caplog.at_level(logging.INFO, "serve_app"):
        await observed.client.post(
            IMAGE,
            files={"file": ("private-name.png", b"private bytes")},
            headers={"X-API-Key": "secret", "X-Request-ID": "abc"},
        )
    [record] = access_lines(caplog)
    fields = vars(record)
    assert (fields["request_id"], fields["method"], fields["route"]) == ("abc", "POST", IMAGE)
    assert (fields["status"], fields["problem"]) == (415, "unsupported-media")
    assert fields["duration_ms"] > 0
    assert fields["request_bytes"] > 0
    for private in ("private-name", "private bytes", "secret"):
        assert private not in repr(fields) + record.getMessage()
