"""The documentation site builds without a warning, is complete, and stands by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from scripts.docs_reference import configuration_page, sections
from serve_app.config import ENVIRONMENT_VARIABLES, AppConfig
from tests.readme import ROOT, shell_lines

PAGES = sorted((ROOT / "docs").rglob("*.md"))


class Loads(HTMLParser):
    """Collects what a page makes the browser load, and the names of its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loading = tag in ("script", "img", "iframe", "source", "video")
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            loading = True
        address = given.get("src") or given.get("href")
        if loading and address:
            self.addresses.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a broken link or a page without a place in the navigation fails it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    built = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert {page.relative_to(ROOT / "docs").with_suffix("") for page in PAGES} <= built


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    elsewhere = {}
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text())
        foreign = [address for address in loads.addresses if re.match(r"(https?:)?//", address)]
        if foreign:
            elsewhere[page.name] = foreign
    assert elsewhere == {}


def test_the_http_reference_has_every_route(site: Path) -> None:
    text = (site / "reference" / "http-api.html").read_text()
    for route in ("/api/image-classification", "/v1/images", "/v1/videos", "/v1/models"):
        assert route in text


def test_every_configuration_key_is_explained() -> None:
    page = configuration_page()
    for title, section in sections("args", AppConfig):
        assert f"## {title}\n" in page
        for key, field in section.model_fields.items():
            assert field.description, f"{title}.{key} has no description"
            assert f"| `{key}` |" in page
    for variable in ENVIRONMENT_VARIABLES:
        assert f"| `{variable}` |" in page


def test_every_key_of_the_example_configuration_exists_in_the_reference() -> None:
    keys = {
        f"{title}.{key}"
        for title, section in sections("args", AppConfig)
        for key in section.model_fields
    }
    example = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    assert keys_of("args", example["applications"][0]["args"]) <= keys


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_script_that_a_page_runs_exists(page: Path) -> None:
    for line in shell_lines(page):
        words = [word for word in line.split() if not re.match(r"[A-Z_]+=", word)]
        if words and words[0].startswith("scripts/"):
            assert os.access(ROOT / words[0], os.X_OK), line


def keys_of(title: str, section: dict[str, object]) -> set[str]:
    """The keys of a section of the file, and of those below it, as `sections` names them."""
    found = set()
    for key, value in section.items():
        found.add(f"{title}.{key}")
        if isinstance(value, dict):
            found |= keys_of(f"{title}.{key}", value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for entry in value:
                found |= keys_of(f"{title}.{key}[]", entry)
    return found
