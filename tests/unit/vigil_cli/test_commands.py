from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from deployments.errors import CorruptMediaError
from tests.assets.loopback_service import PLAIN, LoopbackService
from tests.unit.serve_app.media import MP4
from tests.unit.vigil_cli.conftest import Vigil
from vigil_cli.doctor import hub, machine

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "serve_config.yaml"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(MP4)
    return path


def test_a_video_has_its_segments_its_plot_and_its_sheet(
    vigil: Vigil, service: LoopbackService, film: Path, tmp_path: Path
) -> None:
    plot, sheet = tmp_path / "timeline.png", tmp_path / "sheet.jpg"
    asked = ("video", film, "--score", 0.4, "--url", service.url)
    result = vigil(*asked, "--plot", plot, "--sheet", sheet)
    assert result.exit_code == 1
    assert "00:01.0" in result.stdout
    assert "nsfw 0.50 at 00:01.0" in result.stderr
    assert sheet.read_bytes().startswith(b"\xff\xd8")
    picture = Image.open(io.BytesIO(plot.read_bytes())).convert("RGB")
    # The segment is the middle half of the film: shaded there, paper outside.
    width, y = picture.width, picture.height * 3 // 4
    shaded = [picture.getpixel((width * eighth // 8, y)) for eighth in (1, 4, 7)]
    assert shaded[0] == shaded[2] == (255, 255, 255)
    assert shaded[1] != shaded[0]


def test_the_json_of_a_video_is_the_services_answer(
    vigil: Vigil, service: LoopbackService, film: Path
) -> None:
    result = vigil("video", film, "--json", "--url", service.url)
    assert json.loads(result.stdout)["segments"][0]["start_frame"] == 21


def test_a_video_that_fails_or_says_nothing_is_no_good_news(
    vigil: Vigil, service: LoopbackService, film: Path
) -> None:
    assert vigil("video", film, "--score", 0.95, "--url", service.url).exit_code == 0
    no_flags = vigil("video", film, "--url", service.url, "--model", PLAIN.name)
    assert (no_flags.exit_code, "--labels" in no_flags.stderr) == (2, True)
    service.videos.play(CorruptMediaError("Damaged."))
    failed = vigil("video", film, "--url", service.url)
    assert (failed.exit_code, "Damaged." in failed.stderr) == (2, True)


def test_the_models_are_listed(vigil: Vigil, service: LoopbackService) -> None:
    shown = vigil("models", "--url", service.url, COLUMNS="120")
    assert "builtin/demo (default)" in shown.stdout
    assert "does not moderate" in shown.stdout
    members = json.loads(vigil("models", "--json", "--url", service.url).stdout)
    assert members["default"] == "builtin/demo"


@pytest.mark.parametrize("command", [["models"], ["video", __file__], ["classify", __file__]])
def test_a_url_that_is_none_is_a_sentence(vigil: Vigil, command: list[str]) -> None:
    result = vigil(*command, "--url", "localhost:8000")
    assert result.exit_code == 2
    assert "http://" in result.stderr


def test_without_arguments_it_says_what_it_can_do(vigil: Vigil) -> None:
    shown = vigil().output
    for command in ("serve", "doctor", "models", "classify", "video"):
        assert f"  {command} " in shown


def test_it_completes_in_shells() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vigil_cli", "--show-completion", "bash"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "complete" in done.stdout


def test_what_asks_a_service_imports_nothing_of_the_service() -> None:
    code = (
        "import sys, vigil_cli.app, vigil_cli.classify.command, vigil_cli.video, vigil_cli.models;"
        "print({m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    heavy = {"torch", "ray", "transformers", "numpy", "serve_app", "deployments", "PIL"}
    assert "vigil_client" in done.stdout
    assert not heavy & set(done.stdout.strip("{}\n ").replace("'", "").split(", "))


def findings(result_stdout: str) -> dict[str, dict[str, str]]:
    return {finding["subject"]: finding for finding in json.loads(result_stdout)}


def test_the_doctor_finds_this_machine_well(vigil: Vigil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_status", lambda url, headers: 200)
    found = findings(vigil("doctor", CONFIG, "--json").stdout)
    assert {"configuration", "packages", "HAProxy", "leftovers", "shared memory"} <= found.keys()
    for subject in ("configuration", "packages", "HAProxy", "hub"):
        assert found[subject]["severity"] == "ok"


def changed_config(folder: Path, **args: object) -> Path:
    config = yaml.safe_load(CONFIG.read_text())
    config["applications"][0]["args"] |= args
    path = folder / "serve_config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(
    vigil: Vigil,
    service: LoopbackService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = [{"name": "acme/absent", "num_cpus": 4000, "num_gpus": 1}]
    path = changed_config(tmp_path, models=models, default_model="acme/absent")
    monkeypatch.setattr(hub, "_status", lambda url, headers: 404)
    monkeypatch.setattr(machine, "gpus", list)
    result = vigil("doctor", path, "--json")
    found = findings(result.stdout)
    assert result.exit_code == 2
    for subject in ("processors", "GPUs", "model acme/absent"):
        assert found[subject]["severity"] == "wrong"
        assert found[subject]["remedy"].endswith(".")
    assert "→" in vigil("doctor", path).stdout


@pytest.mark.parametrize(("status", "words"), [(0, "cannot be reached"), (401, "ACCESS_TOKEN")])
def test_the_doctor_tells_an_unreachable_hub_from_a_gated_model(
    vigil: Vigil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    path = changed_config(tmp_path, models=[{"name": "acme/absent"}], default_model="acme/absent")
    monkeypatch.setattr(hub, "_status", lambda url, headers: status)
    found = findings(vigil("doctor", path, "--json").stdout)["model acme/absent"]
    assert words in found["text"] + found["remedy"]


def test_the_doctor_knows_whose_port_it_is(
    vigil: Vigil, service: LoopbackService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_status", lambda url, headers: 200)
    path = tmp_path / "serve_config.yaml"
    path.write_text(f"http_options: {{host: 127.0.0.1, port: {service.port}}}")
    subject = f"port {service.port}"
    ours = findings(vigil("doctor", path, "--json").stdout)[subject]
    assert "Vigil service answers" in ours["text"]
    service.interpose(200, body=b"another")
    assert findings(vigil("doctor", path, "--json").stdout)[subject]["severity"] == "wrong"


def test_the_doctor_reads_a_broken_file(vigil: Vigil, tmp_path: Path) -> None:
    path = changed_config(tmp_path, default_modle="x", on_demand={})
    found = findings(vigil("doctor", path, "--json").stdout)["configuration"]
    assert found["severity"] == "wrong"
    assert "default_modle" in found["text"]
