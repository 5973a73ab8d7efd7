"""The parts of the service that are about itself."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.integration.service import Service, descendants


def test_the_service_says_that_it_is_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_the_models_page_says_what_each_model_is(client: httpx.Client) -> None:
    body = client.get("/v1/models").json()
    assert body["default"] == "builtin/demo"
    demo, nine = body["models"]
    assert demo["state"] == nine["state"] == "ready"
    assert demo["labels"] == ["normal", "nsfw"]
    assert demo["flagged_labels"] == ["nsfw"]
    assert demo["demonstration"] is True
    assert nine["demonstration"] is False
    assert len(nine["labels"]) == 9
    assert body["on_demand"]["allow"] == ["acme/*"]


def test_the_documentation_page_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "https://" not in page.replace("https://fastapi", "")
    assert client.get("/openapi.json").status_code == 200


def test_the_fast_path_is_on_with_nothing_exported(service: Service) -> None:
    commands = [
        Path(f"/proc/{pid}/cmdline").read_bytes() for pid in descendants(service.process.pid)
    ]
    assert any(b"haproxy" in command for command in commands)
