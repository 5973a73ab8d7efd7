"""The examples let through what was classified and is fine, and nothing else."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import boto3
import django
import httpx
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as DjangoClient
from django.urls import path as route
from moto import mock_aws

from tests.assets.loopback_service import PLAIN, LoopbackService, loopback_service
from tests.unit.launcher.conditions import eventually
from tests.unit.serve_app.media import still
from vigil_client import Client, Retries

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = {"fine.png": still(0.1), "flagged.png": still(0.9), "broken.png": still(0.1)[:60]}
ExampleOf = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def service() -> Iterator[LoopbackService]:
    with loopback_service() as running:
        yield running


@pytest.fixture
def example(service: LoopbackService, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExampleOf]:
    """Imports an example that asks the service."""
    loaded: list[Client] = []

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        module.vigil = type(module.vigil)(service.url)
        if isinstance(module.vigil, Client):
            loaded.append(module.vigil)
        return module

    yield load
    for client in loaded:
        client.close()


@pytest.fixture(params=["gone", "flags-nothing"])
def unsure(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client that cannot tell: nobody answers, or the model has no flagged labels."""
    if request.param == "gone":
        with loopback_service() as service:
            url = service.url
        with Client(url, retries=Retries.none()) as client:
            yield client
    else:
        with (
            loopback_service(default_model=PLAIN.name) as service,
            Client(service.url) as client,
        ):
            yield client


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*_*.py")), ids=lambda path: path.name)
def test_an_example_has_thirty_lines_at_most(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 30


class Unsure:
    """An `AsyncClient` in front of a `Client`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def image(self, media: bytes) -> object:
        return self._client.image(media)


async def test_the_fastapi_gate(example: ExampleOf, unsure: Client) -> None:
    module = example("gate_fastapi")
    transport = httpx.ASGITransport(module.app)
    async with (
        module.app.router.lifespan_context(module.app),
        httpx.AsyncClient(transport=transport, base_url="http://gate") as http,
    ):
        for name, status in {"fine.png": 200, "flagged.png": 422, "broken.png": 422}.items():
            answer = await http.post("/pictures", files={"picture": (name, FILES[name])})
            assert answer.status_code == status, answer.text
        module.vigil = Unsure(unsure)
        answer = await http.post("/pictures", files={"picture": ("fine.png", FILES["fine.png"])})
        assert answer.status_code in (422, 503)


def test_the_django_gate(example: ExampleOf, unsure: Client) -> None:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["testserver"], ROOT_URLCONF="gate_urls")
        django.setup()
    module = example("gate_django")
    urls = ModuleType("gate_urls")
    urls.urlpatterns = [route("pictures", module.upload)]  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gate_urls", urls)
        patch.setattr(settings, "ROOT_URLCONF", urls)
        django.urls.clear_url_caches()

        def status(name: str) -> int:
            upload = SimpleUploadedFile(name, FILES[name])
            code: int = DjangoClient().post("/pictures", {"picture": upload}).status_code
            return code

        assert [status(name) for name in FILES] == [200, 422, 422]
        module.vigil = unsure
        assert status("fine.png") == 422


def test_the_folder_watcher(example: ExampleOf, unsure: Client, tmp_path: Path) -> None:
    module = example("watch_folder")
    inbox, outbox = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    for folder in ("clean", "flagged", "unchecked"):
        (outbox / folder).mkdir(parents=True)
    (inbox / "fine.png").write_bytes(FILES["fine.png"])
    stop = threading.Event()
    thread = threading.Thread(target=module.run, args=(inbox, outbox, stop))
    thread.start()
    try:
        assert eventually((outbox / "clean" / "fine.png").exists)
        for name in ("flagged.png", "broken.png"):
            (tmp_path / name).write_bytes(FILES[name])
            (tmp_path / name).rename(inbox / name)
        assert eventually((outbox / "flagged" / "flagged.png").exists)
        assert eventually((outbox / "unchecked" / "broken.png").exists)
    finally:
        stop.set()
        thread.join()
    module.vigil = unsure
    (tmp_path / "late.png").write_bytes(FILES["fine.png"])
    module.place(tmp_path / "late.png", outbox)
    assert not (outbox / "clean" / "late.png").exists()


def test_the_sweep_of_a_bucket(
    example: ExampleOf, unsure: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="pictures")
        for name, data in FILES.items():
            s3.put_object(Bucket="pictures", Key=name, Body=data)
        module = example("sweep_s3")

        def tags() -> dict[str, str]:
            return {
                name: s3.get_object_tagging(Bucket="pictures", Key=name)["TagSet"][0]["Value"]
                for name in FILES
            }

        module.sweep("pictures")
        expected = {"fine.png": "clean", "flagged.png": "flagged", "broken.png": "unchecked"}
        assert tags() == expected
        module.vigil = unsure
        module.sweep("pictures")
        assert "clean" not in tags().values()
