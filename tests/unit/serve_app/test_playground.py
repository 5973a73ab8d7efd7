"""The page at ``/`` and its assets, as HTTP; what it does is tested in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from pathlib import Path

import httpx
import pytest

from serve_app.playground.page import ASSETS, PAGE

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ROOT = Path(__file__).parents[3]
VENDORED = json.loads((ASSETS.parent / "vendored.json").read_text())


def assets_of(page: httpx.Response) -> list[str]:
    return re.findall(r'(?:href|src)="(playground/[^"]+)"', page.text)


async def test_browsers_get_the_page_and_programs_get_json(client: httpx.AsyncClient) -> None:
    page = await client.get("/", headers=BROWSER)
    assert page.headers["content-type"].startswith("text/html")
    for accept in ("*/*", "application/json"):
        answer = await client.get("/", headers={"Accept": accept})
        assert answer.json()["service"] == "vigil"
        assert answer.headers["vary"] == page.headers["vary"] == "Accept"


async def test_the_page_needs_no_key_and_what_it_asks_for_does(make_client) -> None:  # type: ignore[no-untyped-def]
    client = await make_client({"USE_API_KEYS": "true", "API_KEYS": "secret"})
    page = await client.get("/", headers=BROWSER)
    assert page.status_code == 200
    for path in assets_of(page):
        assert (await client.get(f"/{path}")).status_code == 200
    assert (await client.get("/v1/models")).status_code == 401


async def test_the_page_is_asked_for_again_and_not_sent_again(client: httpx.AsyncClient) -> None:
    page = await client.get("/", headers=BROWSER)
    assert page.headers["cache-control"] == "no-cache"
    known = {**BROWSER, "If-None-Match": page.headers["etag"]}
    # httpx's hook takes every status but 200 for a problem, so ask without it.
    client.event_hooks = {}
    again = await client.get("/", headers=known)
    assert (again.status_code, again.content) == (304, b"")


async def test_assets_are_kept_for_ever_below_a_path_of_their_version(
    client: httpx.AsyncClient,
) -> None:
    paths = assets_of(await client.get("/", headers=BROWSER))
    assert len(paths) >= 7
    for path in paths:
        assert re.match(r"playground/[0-9a-f]{16}/", path)
        asset = await client.get(f"/{path}")
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["x-content-type-options"] == "nosniff"
    other = re.sub(r"playground/\w+/", "playground/0123456789abcdef/", paths[0])
    assert (await client.get(f"/{other}")).status_code == 404


async def test_only_assets_are_served(client: httpx.AsyncClient) -> None:
    [base] = {path.split("/")[1] for path in assets_of(await client.get("/", headers=BROWSER))}
    for path in ("../page.py", "%2e%2e/page.py", "js/../../page.py", "js"):
        assert (await client.get(f"/playground/{base}/{path}")).status_code == 404


async def test_scripts_and_styles_come_as_such_and_compressed(client: httpx.AsyncClient) -> None:
    [base] = {path.split("/")[1] for path in assets_of(await client.get("/", headers=BROWSER))}
    script = await client.get(f"/playground/{base}/vendor/uplot/uPlot.esm.js")
    assert "javascript" in script.headers["content-type"]
    assert script.headers["content-encoding"] == "gzip"
    style = await client.get(f"/playground/{base}/css/base.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/", headers=BROWSER)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for loose in ("unsafe-", "*", "http:", "https:"):
        assert loose not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.text)


def test_no_asset_names_another_place() -> None:
    for path in ASSETS.rglob("*"):
        if path.suffix in (".js", ".css", ".html") and "vendor" not in path.parts:
            assert not re.search(r"https?://(?!www\.w3\.org)", path.read_text()), path


def test_every_script_and_style_is_used() -> None:
    text = "".join(
        path.read_text() for path in (PAGE, *ASSETS.glob("js/*.js")) if "vendor" not in path.parts
    )
    for path in ASSETS.rglob("*"):
        if path.suffix in (".js", ".css", ".svg"):
            assert path.name in text, path


def test_the_package_takes_every_asset_along() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["serve_app.playground"]
    taken = {path for pattern in patterns for path in ASSETS.parent.glob(pattern) if path.is_file()}
    assert taken == {path for path in ASSETS.rglob("*") if path.is_file()}


@pytest.mark.parametrize("package", VENDORED)
def test_packages_of_others_are_as_published_and_have_their_licence(package: str) -> None:
    folder = ASSETS / "vendor" / package
    expected = {Path(name).name: sha256 for name, sha256 in VENDORED[package]["files"].items()}
    assert {path.name for path in folder.iterdir()} == set(expected)
    assert "LICENSE" in expected
    for name, checksum in expected.items():
        digest = hashlib.sha256((folder / name).read_bytes()).digest()
        assert f"sha256-{base64.b64encode(digest).decode()}" == checksum
