from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from deployments.types import Frames, Scores
from tests.assets.loopback_service import LoopbackService, loopback_service
from tests.unit.launcher.conditions import eventually
from tests.unit.serve_app.media import still
from tests.unit.vigil_cli.conftest import Vigil


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(120):
        (folder / f"{i:03}.png").write_bytes(still(i / 200))
    return folder


def test_a_restart_half_way_loses_nothing(vigil: Vigil, many: Path) -> None:
    with loopback_service() as service:
        expected = vigil("classify", many, "--csv", "--url", service.url).stdout
        service.paths.clear()

        def restart() -> None:
            assert eventually(lambda: service.paths.count("/v1/images") > 4)
            service.stop()
            service.start()

        thread = threading.Thread(target=restart)
        thread.start()
        result = vigil("classify", many, "--csv", "--url", service.url, "--concurrency", 1)
        thread.join()
    assert result.stdout == expected
    assert result.exit_code == 0


def test_a_run_that_was_cut_short_goes_on_where_it_was(
    vigil: Vigil, service: LoopbackService, many: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "run.jsonl"
    asked = ("classify", many, "--csv", "--url", service.url, "--resume", journal)
    expected = vigil(*asked).stdout
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 121
    # As a kill leaves it: some lines, the last one in part.
    journal.write_bytes(b"".join(lines[:71]) + lines[71][:40])
    service.paths.clear()
    assert vigil(*asked).stdout == expected
    assert len(journal.read_bytes().splitlines()) == 121
    # 50 files, in a few requests; and nothing at all once all is done.
    assert 0 < service.paths.count("/v1/images") <= 50
    service.paths.clear()
    assert vigil(*asked).stdout == expected
    assert "/v1/images" not in service.paths


def test_a_file_that_changed_is_done_again(
    vigil: Vigil, service: LoopbackService, many: Path, tmp_path: Path
) -> None:
    asked = ("classify", many, "--url", service.url, "--resume", tmp_path / "run.jsonl")
    assert vigil(*asked).exit_code == 0
    (many / "007.png").write_bytes(still(0.9, size=(41, 31)))
    assert vigil(*asked).exit_code == 1


def test_a_service_that_stays_away_ends_the_run(
    vigil: Vigil, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback_service() as service:
        answer = service.classifier.classify
        gone = threading.Event()

        def is_half_way() -> bool:
            return service.paths.count("/v1/images") > 4

        async def answer_until_half_way(
            model: str, frames: Frames, *, more_follow: bool = False
        ) -> Scores:
            while is_half_way() and not gone.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.01)  # or the run would be over before the service is
            return await answer(model, frames, more_follow=more_follow)

        def stop() -> None:
            assert eventually(is_half_way)
            service.stop()
            gone.set()

        monkeypatch.setattr(service.classifier, "classify", answer_until_half_way)
        thread = threading.Thread(target=stop)
        thread.start()
        asked = ("classify", many, "--url", service.url, "--concurrency", 1, "--wait", 0)
        result = vigil(*asked, "--resume", tmp_path / "run.jsonl")
        thread.join()
        assert result.exit_code == 2
        assert "waited for in vain" in result.stderr
        assert "goes on where it was" in result.stderr
        service.start()
        assert vigil(*asked, "--resume", tmp_path / "run.jsonl").exit_code == 0


def test_where_nobody_answers_it_says_so_at_once(vigil: Vigil, many: Path) -> None:
    with loopback_service() as service:
        url = service.url
    result = vigil("classify", many, "--url", url)
    assert result.exit_code == 2
    assert "does not answer" in result.stderr


@pytest.mark.parametrize(
    "changed", [["--score", "0.3"], ["--labels", "normal"], ["--model", "ages", "--labels", "old"]]
)
def test_another_question_needs_another_file(
    vigil: Vigil, service: LoopbackService, many: Path, tmp_path: Path, changed: list[str]
) -> None:
    asked = ("classify", many / "001.png", "--url", service.url, "--resume", tmp_path / "run.jsonl")
    assert vigil(*asked).exit_code == 0
    result = vigil(*asked, *changed)
    assert result.exit_code == 2
    assert "another question" in result.stderr


@pytest.mark.parametrize("content", [b"\xff\xd8\xff no newline", b"a photo\nof mine\n"])
def test_a_file_of_somebody_else_is_left_as_it_is(
    vigil: Vigil, service: LoopbackService, many: Path, tmp_path: Path, content: bytes
) -> None:
    other = tmp_path / "photo.jpg"
    other.write_bytes(content)
    result = vigil("classify", many / "001.png", "--url", service.url, "--resume", other)
    assert result.exit_code == 2
    assert "not a file that this command wrote" in result.stderr
    assert other.read_bytes() == content
