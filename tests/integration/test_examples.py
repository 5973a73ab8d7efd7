"""What the README and the examples show works as written, against a running service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from tests.readme import ROOT, CurlLine, curl_lines

TIMEOUT_SECONDS = 120


class HasUrl(Protocol):
    url: str


def output_of(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_curl_client_prints_scores_findings_and_verdicts(
    service: HasUrl, tmp_path: Path
) -> None:
    # From anywhere, as it finds its samples by itself.
    printed = output_of(ROOT / "examples" / "client.sh", service.url, cwd=tmp_path)
    scores, findings, verdicts = map(json.loads, printed.split("\n", 2))
    assert {entry["label"] for entry in scores} == {"normal", "nsfw"}
    assert [(found["label"], found["frame"]) for found in findings] == [("nsfw", 61)]
    assert [result["flagged"] for result in verdicts["results"]] == [True, True]


def test_the_python_client_prints_scores_findings_and_verdicts(service: HasUrl) -> None:
    printed = output_of(sys.executable, "examples/client.py", service.url)
    assert re.search(r"^landscape\.jpg: normal 0\.9\d\d$", printed, re.MULTILINE)
    assert "video.mp4: nsfw from frame 61\n" in printed
    assert "flagged.jpg: flagged=True\nanimation.gif: flagged=True\n" in printed


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_javascript_client_prints_scores_findings_and_verdicts(service: HasUrl) -> None:
    printed = output_of("node", "examples/client.mjs", service.url)
    assert re.search(r"label: 'normal', score: 0\.9", printed)
    assert re.search(r"frame: 61, label: 'nsfw'", printed)
    assert "flagged.jpg true\nanimation.gif true\n" in printed


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", curl_lines(), ids=lambda line: line.path)
def test_the_curl_lines_of_the_readme_answer_as_written(service: HasUrl, line: CurlLine) -> None:
    command = [*line.to(service.url), "--silent", "--show-error", "--fail-with-body"]
    answer = json.loads(output_of(*command))
    readme = (ROOT / "README.md").read_text()
    shown = re.search(re.escape(line.url) + r'"?\n```\n```json\n(.*?)\n```', readme, re.DOTALL)
    assert answer
    if shown:
        for entry, expected in zip(answer, json.loads(shown[1]), strict=True):
            # Scores differ in later digits from one processor to the next.
            score = pytest.approx(expected.pop("score"), abs=5e-3)
            assert entry == {**expected, "score": score}
