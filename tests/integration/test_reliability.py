"""What becomes of requests when parts of the service fail: docs/reliability.md, in short."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks.chaos.load import Clients, Seen
from benchmarks.load import File, upload
from serve_app.front_gate import REQUESTS_PER_REPLICA
from tests.assets.models import save
from tests.assets.pictures import scene
from tests.assets.stand_ins import vit
from tests.integration.odd_models_app import SLOW
from tests.integration.service import ROOT, Service, default_config, running
from tests.unit.launcher.conditions import eventually

SAMPLES = ROOT / "examples" / "samples"
IMAGE = (SAMPLES / "flagged.png").read_bytes()
TWO = {"num_cpus": 0.2, "replicas": {"min": 2, "max": 2}}
ONE = {"num_cpus": 0.1, "num_gpus": 0, "replicas": {"min": 1, "max": 1}}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes") / "frames"


@pytest.fixture(scope="module")
def nan_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save(
        vit("nan"), tmp_path_factory.mktemp("nan"), [scene(96, 64, seed) for seed in range(6)]
    )
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"].fill_(torch.nan)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def shaky(
    tmp_path_factory: pytest.TempPathFactory, notes: Path, nan_checkpoint: Path
) -> Iterator[Service]:
    """Two replicas of what is killed, one slow model, and two that cannot be loaded."""
    config = default_config()
    application = config["applications"][0]
    application["import_path"] = "tests.integration.odd_models_app:build"
    args = application["args"]
    args["models"][0] |= TWO
    args["models"] += [
        {"name": SLOW, "source": str(notes), "max_batch_size": 1, **ONE},
        {"name": "bad/missing", "source": "/there/is/no/such/model", **ONE},
        {"name": "bad/nan", "source": str(nan_checkpoint), **ONE},
    ]
    args["ingress"] |= TWO
    args["video"] |= {"num_cpus": 0.1, "replicas": {"min": 0, "max": 1}}  # none is needed
    args["on_demand"] = {"allow": []}
    environ = {"PYTHONPATH": str(ROOT)}
    with running(config, tmp_path_factory.mktemp("shaky"), environ) as service:
        yield service


def clients_of(service: Service) -> Clients:
    names = ("landscape.jpg", "flagged.jpg", "diagram.png", "flagged.png", "sunset.webp")
    files = [File(name, "image/*", (SAMPLES / name).read_bytes()) for name in names]
    url = httpx.URL(service.url)
    assert url.port is not None
    requests = [upload("/api/image-classification", "file", [file]) for file in files]
    return Clients(url.host, url.port, requests)


def classify(client: httpx.Client, picture: bytes, **params: str) -> httpx.Response:
    files = {"file": ("a", picture)}
    return client.post("/api/image-query-classification", files=files, params=params)


def test_a_model_that_does_not_load_says_why_and_the_others_answer(shaky: Service) -> None:
    with shaky.client() as client:

        def bad() -> list[dict[str, Any]]:
            models: list[dict[str, Any]] = client.get("/v1/models").json()["models"]
            return [model for model in models if model["name"].startswith("bad/")]

        assert eventually(lambda: all(model["state"] == "unavailable" for model in bad()), 120)
        missing, nan = bad()
        assert "holds no config.json" in missing["detail"]
        assert "/there/is" not in missing["detail"]
        assert "no numbers" in nan["detail"]
        for name in ("bad/missing", "bad/nan"):
            answer = classify(client, IMAGE, model_name=name)
            assert answer.status_code == 503
            assert "score" not in answer.text
        assert classify(client, IMAGE).status_code == 200
    assert "A model cannot start" in shaky.log.read_text()


@pytest.mark.parametrize("seconds", ["0.001", "0", "-1"])
def test_a_client_cannot_change_the_services_timeouts(shaky: Service, seconds: str) -> None:
    orders = {"X-Request-Timeout-Seconds": seconds, "X-Request-Disconnect-Disabled": "?1"}
    with shaky.client(headers=orders) as client:
        assert classify(client, IMAGE).status_code == 200
    assert "is not set" not in shaky.log.read_text()


def grey(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (level, level, level)).save(file, "PNG")
    return file.getvalue()


def levels_run(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text().split()]


async def test_a_frame_whose_client_left_is_not_run(shaky: Service, notes: Path) -> None:
    """Also where the client asked that its leaving be overlooked."""
    orders = {"X-Request-Disconnect-Disabled": "?1"}
    async with httpx.AsyncClient(base_url=shaky.url, timeout=60, headers=orders) as client:

        async def ask(level: int) -> int:
            files = {"file": ("a", grey(level))}
            params = {"model_name": SLOW}
            answer = await client.post(
                "/api/image-query-classification", files=files, params=params
            )
            return answer.status_code

        assert await ask(10) == 200
        patient = [asyncio.create_task(ask(level)) for level in (20, 30, 40)]
        leaving = [asyncio.create_task(ask(level)) for level in (200, 201, 202, 203, 204)]
        await asyncio.wait(patient, return_when=asyncio.FIRST_COMPLETED)
        for task in leaving:
            task.cancel()
        assert await asyncio.gather(*patient) == [200] * 3
        await asyncio.gather(*leaving, return_exceptions=True)
        assert await ask(50) == 200
    run = levels_run(notes)
    assert {10, 20, 30, 40, 50} <= set(run)
    assert len([level for level in run if level >= 200]) < len(leaving)


async def under_load(service: Service, deployment: str) -> Seen:
    """What 16 clients see while the oldest replica of a deployment is killed, and after it."""
    clients = clients_of(service)
    await clients.learn()
    load = asyncio.create_task(clients.closed_loop(16, 12))
    await asyncio.sleep(2)  # let the load build up; nothing is concluded from the time
    os.kill(min(service.replica_pids(deployment)), signal.SIGKILL)
    seen = await load
    after = await clients.closed_loop(2, 2)
    assert after.right
    assert not after.failed
    return seen


async def test_no_request_is_lost_when_a_models_replica_is_killed(shaky: Service) -> None:
    seen = await under_load(shaky, "model-builtin-demo")
    assert (len(seen.failed), len(seen.wrong)) == (0, 0)
    assert seen.right


async def test_only_what_a_killed_ingress_replica_held_is_lost(shaky: Service) -> None:
    seen = await under_load(shaky, "Ingress")
    assert len(seen.failed) <= 16
    assert not seen.wrong
    assert seen.right


async def test_whatever_comes_too_much_is_refused_and_told_when_to_come_again(
    shaky: Service,
) -> None:
    clients = clients_of(shaky)
    await clients.learn()
    seen = await clients.open_loop(rate=400, seconds=5)
    assert (len(seen.failed), len(seen.wrong)) == (0, 0)
    assert seen.right
    assert seen.refused
    after = await clients.closed_loop(4, 1)
    assert len(after.right) == after.sent


async def test_haproxy_refuses_before_the_replicas_hear_of_it(shaky: Service) -> None:
    """The replicas' server tells the date, HAProxy does not."""
    at_once = 2 * REQUESTS_PER_REPLICA + 20
    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(base_url=shaky.url, timeout=60, limits=limits) as client:

        async def ask() -> httpx.Response:
            files = {"file": ("a", grey(60))}
            params = {"model_name": SLOW}
            return await client.post("/api/image-query-classification", files=files, params=params)

        assert "date" in (await ask()).headers
        waiting = {asyncio.create_task(ask()) for _ in range(at_once)}
        refused: list[httpx.Response] = []
        while len(refused) < 20:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused += [task.result() for task in done if task.result().status_code != 200]
        assert {answer.status_code for answer in refused} == {503}
        assert all("date" not in answer.headers for answer in refused)
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
