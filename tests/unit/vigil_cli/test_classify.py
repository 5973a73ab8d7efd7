from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.classifier.fake import FAKE_MODEL
from deployments.errors import InferenceError
from tests.assets.loopback_service import PLAIN, LoopbackService, loopback_service
from tests.unit.serve_app.media import MP4, still
from tests.unit.vigil_cli.conftest import Vigil, json_lines
from tests.unit.vigil_cli.web import serving


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def api_images(service: LoopbackService, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = httpx.post(f"{service.url}/v1/images", files={"files": file})
    result: dict[str, Any] = answer.json()["results"][0]
    return result


def test_a_folder_is_classified_in_the_order_of_its_names(
    vigil: Vigil, service: LoopbackService, folder: Path
) -> None:
    result = vigil("classify", folder, "--url", service.url)
    assert result.exit_code == 1
    assert [(Path(row["file"]).name, row["flagged"]) for row in rows(result.stdout)] == [
        ("a.png", "true"),
        ("b.png", "false"),
        ("c.png", "false"),
        ("e.gif", "true"),
    ]
    assert "2 flagged, 2 fine, 0 failed" in result.stderr
    assert "1 folders" in result.stderr


def test_the_csv_equals_the_answers_of_the_api(
    vigil: Vigil, service: LoopbackService, folder: Path
) -> None:
    (folder / "film.mp4").write_bytes(MP4)
    (folder / "text.txt").write_text("hello")
    result = vigil("classify", folder, "--recursive", "--csv", "--url", service.url)
    found = rows(result.stdout)
    assert len(found) == 7
    for row in found:
        path = Path(row["file"])
        scores = {key: float(row[key]) for key in row if key.startswith("score:") and row[key]}
        if path.name == "film.mp4":
            answer = httpx.post(f"{service.url}/v1/videos", files={"file": MP4}).json()
            expected = {label["label"]: label["max_score"] for label in answer["labels"]}
        else:
            answer = api_images(service, path)
            expected = {label["label"]: label["score"] for label in answer.get("labels", [])}
        assert scores == {f"score:{label}": score for label, score in expected.items()}
        if "problem" in answer:
            assert (row["flagged"], row["detail"]) == ("", answer["problem"]["detail"])
            continue
        media = answer["media"]
        assert row["flagged"] == str(answer["flagged"]).lower()
        assert row["type"] == media["type"]
        assert [int(row[key]) for key in ("width", "height", "frames")] == [
            media[key] for key in ("width", "height", "frames")
        ]
        assert row["duration_seconds"] == str(media.get("duration_seconds", ""))


def test_json_holds_the_answers_as_they_were(
    vigil: Vigil, service: LoopbackService, folder: Path
) -> None:
    result = vigil("classify", folder / "a.png", folder / "e.gif", "--json", "--url", service.url)
    for line in json_lines(result):
        assert line["image"].pop("index") is not None
        expected = api_images(service, Path(line["file"]))
        del expected["index"]
        assert line["image"] == expected
        assert line["flagged"] is True


def test_the_table_tells_people(vigil: Vigil, service: LoopbackService, folder: Path) -> None:
    (folder / "text.txt").write_text("hello")
    result = vigil("classify", folder, "--table", "--url", service.url, COLUMNS="200")
    assert result.stdout.count("FLAGGED") == 2
    assert result.stdout.count("fine") == 2
    assert result.stdout.count("FAILED") == 1


@pytest.mark.parametrize(
    ("names", "status"),
    [(["b.png"], 0), (["b.png", "a.png"], 1), (["a.png", "bad.png"], 2), (["missing.png"], 2)],
)
def test_the_exit_status_says_the_worst(
    vigil: Vigil, service: LoopbackService, folder: Path, names: list[str], status: int
) -> None:
    (folder / "bad.png").write_bytes(still(0.1)[:60])
    result = vigil("classify", *(folder / name for name in names), "--url", service.url)
    assert result.exit_code == status
    assert len(rows(result.stdout)) == len(names)


def test_nothing_to_classify_is_no_good_news(
    vigil: Vigil, service: LoopbackService, tmp_path: Path
) -> None:
    (tmp_path / ".hidden.png").write_bytes(still(0.9))
    result = vigil("classify", tmp_path, "--url", service.url)
    assert result.exit_code == 2
    assert "1 hidden" in result.stderr


def test_small_images_share_requests_and_a_bad_one_fails_alone(
    vigil: Vigil, service: LoopbackService, tmp_path: Path
) -> None:
    for i in range(200):
        (tmp_path / f"{i:03}.png").write_bytes(still(0.9 if i == 77 else 0.1))
    (tmp_path / "100.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = vigil("classify", tmp_path, "--url", service.url)
    found = rows(result.stdout)
    assert [row["file"][-7:-4] for row in found if row["flagged"] == "true"] == ["077"]
    assert [row["file"][-7:-4] for row in found if row["problem"]] == ["100"]
    assert service.paths.count("/v1/images") < 60
    assert result.exit_code == 2


def test_where_a_request_fails_as_a_whole_each_file_gets_its_own(
    vigil: Vigil, service: LoopbackService, folder: Path
) -> None:
    service.classifier.fail(FAKE_MODEL.name, InferenceError("The model failed."))
    result = vigil("classify", folder, "--url", service.url)
    assert result.exit_code == 2
    assert [row["problem"] for row in rows(result.stdout)] == ["inference-failed"] * 4


def test_a_file_is_what_the_service_says_and_not_its_name(
    vigil: Vigil, service: LoopbackService, tmp_path: Path
) -> None:
    (tmp_path / "film.jpg").write_bytes(MP4)
    (tmp_path / "picture.mp4").write_bytes(still(0.1))
    found = rows(vigil("classify", tmp_path, "--url", service.url).stdout)
    assert [row["type"] for row in found] == ["video", "image"]


def test_labels_flag_that_are_asked_for(
    vigil: Vigil, service: LoopbackService, folder: Path
) -> None:
    asked = ("classify", folder / "b.png", "--url", service.url)
    assert vigil(*asked).exit_code == 0
    assert vigil(*asked, "--labels", "normal").exit_code == 1
    assert vigil(*asked, "--labels", "normal", "--score", 0.95).exit_code == 0
    unknown = vigil(*asked, "--labels", "cat")
    assert unknown.exit_code == 2
    assert "cat" in unknown.stderr


def test_a_model_that_flags_nothing_needs_labels(
    vigil: Vigil, service: LoopbackService, folder: Path
) -> None:
    asked = ("classify", folder / "b.png", "--url", service.url, "--model", PLAIN.name)
    result = vigil(*asked)
    assert result.exit_code == 2
    assert "--labels" in result.stderr
    assert vigil(*asked, "--labels", "young", "--score", 0).exit_code == 1


def test_a_key_is_taken_from_the_environment(vigil: Vigil, folder: Path) -> None:
    with loopback_service({"API_KEYS": "k"}) as service:
        asked = ("classify", folder / "a.png")
        assert vigil(*asked, VIGIL_URL=service.url, VIGIL_API_KEY="k").exit_code == 1
        refused = vigil(*asked, VIGIL_URL=service.url)
        assert refused.exit_code == 2
        assert "X-API-Key" in refused.stderr


def test_what_is_too_large_is_not_sent(vigil: Vigil, folder: Path) -> None:
    with loopback_service(limits={"max_image_bytes": 50, "max_video_bytes": 20}) as service:
        (folder / "film.mp4").write_bytes(MP4)
        result = vigil("classify", folder / "a.png", folder / "film.mp4", "--url", service.url)
        assert result.exit_code == 2
        problems = [row["problem"] for row in rows(result.stdout)]
        assert problems == ["urn:vigil:command:too-large"] * 2
        assert "/v1/videos" not in service.paths


def test_urls_are_fetched_here(vigil: Vigil, service: LoopbackService) -> None:
    with serving({"/red.png": still(0.9)}) as address:
        red, missing = f"{address}/red.png", f"{address}/missing.png"
        found = rows(vigil("classify", red, missing, "--url", service.url).stdout)
    assert [(row["file"], row["flagged"]) for row in found] == [(red, "true"), (missing, "")]
    assert "404" in found[1]["detail"]


def test_one_form_of_output_at_a_time(vigil: Vigil, folder: Path) -> None:
    assert vigil("classify", folder, "--csv", "--json").exit_code == 2
