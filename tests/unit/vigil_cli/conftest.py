from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.assets.loopback_service import LoopbackService, loopback_service
from tests.unit.serve_app.media import animation, still
from vigil_cli.app import app

Vigil = Callable[..., Result]


@pytest.fixture(scope="package")
def shared_service() -> Iterator[LoopbackService]:
    with loopback_service() as service:
        yield service


@pytest.fixture
def service(shared_service: LoopbackService) -> Iterator[LoopbackService]:
    shared_service.paths.clear()
    yield shared_service
    shared_service.classifier.fail("builtin/demo", None)
    shared_service.videos.play(None)


@pytest.fixture
def vigil() -> Vigil:
    """Runs the command in this process."""

    def run(*arguments: object, **environ: str) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environ)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two flagged files, three fine ones."""
    made = tmp_path / "media"
    (made / "below").mkdir(parents=True)
    for name, redness in {"a": 0.9, "b": 0.1, "c": 0.3, "below/d": 0.2}.items():
        (made / f"{name}.png").write_bytes(still(redness))
    (made / "e.gif").write_bytes(animation([0.1, 0.8]))
    return made


def json_lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]
