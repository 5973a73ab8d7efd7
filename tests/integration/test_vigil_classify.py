"""`vigil serve` and `vigil classify`: many files, and a restart half-way."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from tests.assets.images import animation_bytes, image_bytes
from tests.assets.ports import free_port
from tests.assets.videos import make_video, paint_noise
from tests.integration.service import ROOT
from tests.unit.launcher.conditions import eventually
from vigil_client import Client

START_SECONDS = 240
FILES = 200
SCORE_TOLERANCE = 1e-4
"""Batches differ from run to run, and with them the last digits of a score."""


class RestartableService:
    """`vigil serve` on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
        config["http_options"] = {"host": "127.0.0.1", "port": self.port}
        self._config = folder / "serve_config.yaml"
        self._config.write_text(yaml.safe_dump(config))
        self.log = folder / "serve.log"
        self.home = folder / "home"
        self.home.mkdir()

    def start(self) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.home),
            "RAY_raylet_start_wait_time_s": str(START_SECONDS),  # 30 s are few on a busy machine
        }
        command = [sys.executable, "-m", "vigil_cli", "serve", str(self._config)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        with Client(self.url) as client:
            assert eventually(client.is_ready, START_SECONDS), self.log.read_text()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestartableService]:
    made = RestartableService(tmp_path_factory.mktemp("restartable"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    for i in range(FILES - 6):
        form = ("jpeg", "png", "webp", "bmp")[i % 4]
        (folder / f"{i:03}.{form}").write_bytes(image_bytes(form, (160 + i, 120), seed=i))
    for i in range(3):
        (folder / f"moving{i}.gif").write_bytes(animation_bytes("gif", 3 + i, seed=i))
    (folder / "film.mp4").write_bytes(make_video("mp4", frames=12, paint=paint_noise))
    (folder / "broken.jpeg").write_bytes(image_bytes("jpeg")[:400])
    (folder / "notes.txt").write_text("no image")
    return folder


@contextmanager
def classifying(
    service: RestartableService, folder: Path, *options: str
) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "vigil_cli", "classify", str(folder), "--url", service.url]
    with subprocess.Popen(
        [*command, "--csv", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rows(text: str) -> dict[str, dict[str, str]]:
    return {Path(row["file"]).name: row for row in csv.DictReader(io.StringIO(text))}


def scores(row: dict[str, str]) -> dict[str, float]:
    return {
        key.removeprefix("score:"): float(value)
        for key, value in row.items()
        if key.startswith("score:") and value
    }


def test_a_restart_half_way_loses_nothing_and_the_csv_equals_the_answers(
    service: RestartableService, mixed: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "run.jsonl"
    options = ("--resume", str(journal), "--concurrency", "1", "--wait", str(START_SECONDS))
    with classifying(service, mixed, *options) as running:
        assert eventually(
            lambda: journal.exists() and len(journal.read_bytes().splitlines()) > 40, START_SECONDS
        )
        service.stop()
        service.start()
        output, messages = running.communicate(timeout=START_SECONDS)
    found = rows(output)
    assert running.returncode == 2, messages
    assert len(found) == FILES
    assert {name for name, row in found.items() if row["problem"]} == {"broken.jpeg", "notes.txt"}
    assert "waiting for the service" in messages
    with httpx.Client(base_url=service.url, timeout=120) as http:
        for name, row in [*list(found.items())[::7], ("film.mp4", found["film.mp4"])]:
            is_video = name == "film.mp4"
            files = {"file" if is_video else "files": (name, (mixed / name).read_bytes())}
            answer = http.post("/v1/videos" if is_video else "/v1/images", files=files).json()
            if not is_video:
                answer = answer["results"][0]
            if "problem" in answer:
                assert row["detail"] == answer["problem"]["detail"]
                continue
            key = "max_score" if is_video else "score"
            expected = {label["label"]: label[key] for label in answer["labels"]}
            assert scores(row) == pytest.approx(expected, abs=SCORE_TOLERANCE)
            assert row["flagged"] == str(answer["flagged"]).lower()


def test_serve_says_what_it_uses_and_writes_nothing_elsewhere(service: RestartableService) -> None:
    log = service.log.read_text()
    assert "Model builtin/demo: 1 to 4 replicas on 1 CPU each" in log
    assert f"{service.url} serves builtin/demo (ready)" in log
    assert [path for path in service.home.rglob("*") if path.is_file()] == []


def test_the_client_analyses_a_video_of_the_real_service(
    service: RestartableService, mixed: Path
) -> None:
    with Client(service.url) as client:
        assert client.models().default == "builtin/demo"
        film = client.video(mixed / "film.mp4", include=["scores"])
        assert film.media.frames == 12
        assert film.series is not None
        assert client.image(ROOT / "examples" / "samples" / "flagged.jpg").flagged is True
