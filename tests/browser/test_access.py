"""Keys, and whether everyone can use the page: axe, narrow screens, the clipboard, motion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from tests.browser.conftest import KEY, OpenPlayground
from tests.browser.media import corrupt, sample
from tests.browser.playground import Playground

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


def test_a_service_with_keys_asks_for_one_and_goes_on_with_it(blank: OpenPlayground) -> None:
    playground = blank().open()
    page = playground.page
    expect(page.locator("#service-problem")).to_contain_text("asks for an API key")
    expect(page.locator("#service-problem code")).not_to_be_empty()
    playground.drop(sample("landscape.jpg"))
    card = playground.card("landscape.jpg")
    expect(card.locator(".sentence")).to_contain_text("asks for an API key")
    field = page.get_by_label("API key")
    field.fill("wrong")
    field.press("Enter")
    expect(page.locator("#service-problem")).to_contain_text("not valid")
    field.fill(KEY)
    field.press("Enter")
    expect(page.locator("#service-problem")).to_be_hidden()
    expect(card.locator(".verdict")).to_have_text("Not flagged")
    assert page.evaluate("Object.values(localStorage)") == []
    assert page.evaluate("Object.values(sessionStorage)") == [KEY]
    page.reload()
    expect(page.get_by_role("option", name="builtin/demo (demonstration)")).to_be_attached()


def test_the_demonstration_model_says_what_it_is(playground: Playground) -> None:
    notice = playground.page.locator("#demonstration")
    expect(notice).to_contain_text("builtin/demo is a demonstration and does not moderate.")
    playground.drop(sample("landscape.jpg"))
    facts = playground.card("landscape.jpg").locator(".facts")
    expect(facts).to_contain_text("builtin/demo (demonstration)")


def test_a_further_model_is_asked_for_by_its_name(blank: OpenPlayground) -> None:
    playground = blank()
    playground.page.route("**/v1/models", allowing_any_of_acme)
    playground.open(KEY)
    playground.page.get_by_label("Model").select_option(label="Another: acme/*")
    expect(playground.page.locator("#demonstration")).to_be_hidden()
    playground.page.get_by_label("Name on the hub").fill("acme/other")
    playground.drop(sample("landscape.jpg"))
    # What the service really allows, it says itself.
    sentence = playground.card("landscape.jpg").locator(".sentence")
    expect(sentence).to_contain_text("acme/other")
    assert playground.posts() == ["POST /v1/images?model_name=acme%2Fother&score=0.7"]


def allowing_any_of_acme(route: Route) -> None:
    """The service's answer, as if it loaded any model of one owner."""
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"on_demand": {"allow": ["acme/*"]}})


def test_the_threshold_begins_where_the_service_has_it(playground: Playground) -> None:
    expect(playground.page.get_by_role("slider", name="Threshold")).to_have_value("0.7")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious(
    blank: OpenPlayground, scheme: Literal["light", "dark"], viewport: dict[str, int]
) -> None:
    # Axe is not allowed by the page's policy; every other test has the policy on.
    playground = blank(color_scheme=scheme, viewport=viewport, bypass_csp=True).open(KEY)
    page = playground.page
    expect(page.locator("#demonstration")).to_be_visible()
    assert serious(playground) == []
    names = ("landscape.jpg", "flagged.heic", "animation.gif", "video.mp4")
    playground.drop(*map(sample, names), corrupt())
    expect(page.locator("#summary")).to_contain_text("failed")
    expect(page.locator("#summary")).not_to_contain_text("to go")
    assert serious(playground) == []
    playground.card("landscape.jpg").get_by_role("button", name="Copy").click()
    assert serious(playground) == []


def serious(playground: Playground) -> list[str]:
    """Of axe's findings those that keep people out."""
    violations = Axe().run(playground.page).response["violations"]
    return [
        f"{found['id']}: {found['help']} {[node['html'] for node in found['nodes']]}"
        for found in violations
        if found["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_the_screen(blank: OpenPlayground, width: int) -> None:
    playground = blank(viewport={"width": width, "height": 740}).open(KEY)
    playground.drop(sample("landscape.jpg"), sample("video.mp4"), corrupt())
    expect(playground.page.locator("#summary")).to_have_text(
        "3 files: 1 flagged, 1 not flagged, 1 failed"
    )
    assert playground.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_is_chosen_and_kept(playground: Playground) -> None:
    page = playground.page
    button = page.get_by_role("button", name="Theme")
    button.click()
    expect(button).to_have_text("Theme: dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(button).to_have_text("Theme: dark")
    button.click()
    expect(button).to_have_text("Theme: light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_nothing_moves_for_those_who_asked_for_that(blank: OpenPlayground) -> None:
    playground = blank(reduced_motion="reduce").open(KEY)
    playground.drop(sample("landscape.jpg"))
    bar = playground.card("landscape.jpg").locator(".bar span").first
    expect(bar).to_be_visible()
    assert bar.evaluate("bar => getComputedStyle(bar).transitionDuration") == "0s"


@pytest.mark.parametrize("name", ["flagged.jpg", "video.mp4"])
def test_what_is_copied_gives_the_same_answer(
    playground: Playground, name: str, tmp_path: Path
) -> None:
    odd = f'it\'s, "odd"; {name}'
    content = sample(name)[1]
    (tmp_path / odd).write_bytes(content)
    playground.drop((odd, content))
    playground.page.get_by_role("button", name="Copy …").click()
    dialog = playground.page.get_by_role("dialog")
    texts = {}
    for choice in ("curl", "Python", "JSON answer"):
        dialog.get_by_label(choice, exact=True).check()
        texts[choice] = dialog.get_by_role("textbox").input_value()
    assert KEY not in "".join(texts.values())
    answer = json.loads(texts["JSON answer"])
    lines = output_of(["bash", "-c", f"{texts['curl']} --silent --show-error"], tmp_path)
    again = json.loads(lines.splitlines()[-1])
    assert verdict_of(again) == verdict_of(answer)
    printed = output_of([sys.executable, "-c", texts["Python"]], tmp_path)
    assert "True" in printed


def verdict_of(answer: dict[str, Any]) -> tuple[Any, ...]:
    result = answer["results"][0] if "results" in answer else answer
    return answer["model"], result["flagged"], result["labels"], result.get("segments")


def output_of(command: list[str], folder: Path) -> str:
    environ = {**os.environ, "API_KEY": KEY}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
