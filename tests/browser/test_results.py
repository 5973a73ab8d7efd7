"""What becomes of dropped files."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import KEY, OpenPlayground
from tests.browser.media import SAMPLES, corrupt, long_video, sample
from tests.browser.playground import Playground

WATCH = """
() => {
  window.seen = [];
  const look = () => {
    for (const card of document.querySelectorAll(".card")) {
      const step = card.querySelector(".step").textContent;
      const findings = card.querySelectorAll(".findings li").length;
      const now = JSON.stringify({ state: card.dataset.state, step, findings });
      if (window.seen.at(-1) !== now) window.seen.push(now);
    }
  };
  const all = { subtree: true, childList: true, attributes: true };
  new MutationObserver(look).observe(document.body, all);
}
"""


def current_time(page: Page) -> float:
    time: float = page.locator("video").evaluate("video => video.currentTime")
    return time


def test_each_dropped_file_gets_its_own_result(playground: Playground) -> None:
    names = ("landscape.jpg", "flagged.jpg", "animation.gif", "video.mp4")
    playground.drop(*map(sample, names), corrupt())
    for name, verdict in zip(
        (*names, "broken.jpg"),
        ("Not flagged", "Flagged: nsfw", "Flagged: nsfw", "Flagged: nsfw", "No verdict"),
        strict=True,
    ):
        expect(playground.card(name).locator(".verdict")).to_contain_text(verdict)
    expect(playground.page.locator("#summary")).to_have_text(
        "5 files: 3 flagged, 1 not flagged, 1 failed"
    )
    expect(playground.card("landscape.jpg").locator(".bars li")).to_have_count(2)
    expect(playground.card("landscape.jpg").locator(".facts")).to_contain_text("JPEG · 1280 × 960")
    expect(playground.card("animation.gif").locator(".facts")).to_contain_text("12 frames")
    expect(playground.card("video.mp4").locator(".coverage")).to_contain_text("of 180 frames")
    expect(playground.card("video.mp4").locator(".segments li")).to_have_count(1)


def test_a_file_that_cannot_be_read_shows_the_services_sentence_and_request(
    playground: Playground,
) -> None:
    with playground.page.expect_response("**/v1/images*") as caught:
        playground.drop(corrupt())
    response = caught.value
    problem = playground.card("broken.jpg").locator(".problem")
    expect(problem.locator(".sentence")).to_have_text(response.json()["detail"])
    expect(problem.locator("code")).to_have_text(response.headers["x-request-id"])
    expect(playground.card("broken.jpg").get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize("name", ["landscape.jpg", "video.mp4", "animation.gif"])
def test_the_threshold_changes_the_verdict_without_a_request(
    playground: Playground, name: str
) -> None:
    playground.drop(sample(name))
    verdict = playground.card(name).locator(".verdict")
    expect(verdict).to_have_text(re.compile("lagged"))
    asked = playground.posts()
    playground.set_threshold(0)
    expect(verdict).to_contain_text("Flagged: nsfw")
    playground.set_threshold(1)
    expect(verdict).to_have_text("Not flagged")
    assert playground.posts() == asked


def test_the_bars_stand_against_the_threshold(playground: Playground) -> None:
    playground.drop(sample("landscape.jpg"))
    normal = playground.card("landscape.jpg").locator(".bars li", has_text="normal")
    expect(normal).to_have_class(re.compile("over"))
    playground.set_threshold(1)
    expect(normal).not_to_have_class(re.compile("over"))
    tick = "bar => parseFloat(getComputedStyle(bar, '::after').left) / bar.clientWidth"
    assert normal.locator(".bar").evaluate(tick) == pytest.approx(1, abs=0.02)


def test_a_click_on_the_plot_seeks(playground: Playground) -> None:
    playground.drop(sample("video.mp4"))
    plot = playground.card("video.mp4").locator(".u-over")
    box = plot.bounding_box()
    assert box is not None
    plot.click(position={"x": box["width"] * 0.75, "y": 20})
    assert current_time(playground.page) == pytest.approx(6 * 0.75, abs=0.1)
    slider = playground.page.get_by_role("slider", name="Moment")
    assert float(slider.get_attribute("aria-valuenow") or "nan") == pytest.approx(4.5, abs=0.1)


def test_the_plot_is_used_by_keyboard(playground: Playground) -> None:
    playground.drop(sample("video.mp4"))
    card = playground.card("video.mp4")
    slider = card.get_by_role("slider", name="Moment")
    slider.press("n")
    at_segment = current_time(playground.page)
    assert at_segment == pytest.approx(2, abs=0.1)
    slider.press("ArrowRight")
    assert current_time(playground.page) > at_segment
    slider.press("Home")
    assert current_time(playground.page) == pytest.approx(0, abs=0.01)
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:00\.0: nsfw 0\.\d{3}"))


def test_a_click_on_a_segment_goes_to_its_start(playground: Playground) -> None:
    playground.drop(sample("video.mp4"))
    playground.card("video.mp4").locator(".segments button").click()
    assert current_time(playground.page) == pytest.approx(2, abs=0.1)


def test_dragging_zooms_and_a_button_shows_all_again(playground: Playground) -> None:
    playground.drop(sample("video.mp4"))
    card = playground.card("video.mp4")
    plot = card.locator(".u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    mouse = playground.page.mouse
    mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40, steps=4)
    mouse.up()
    assert current_time(playground.page) == 0  # a drag is not a click
    plot.click(position={"x": box["width"] / 2, "y": 20})
    assert current_time(playground.page) == pytest.approx(3.75, abs=0.1)
    card.get_by_role("button", name="All", exact=True).click()
    plot.click(position={"x": box["width"] / 2, "y": 20})
    assert current_time(playground.page) == pytest.approx(3, abs=0.1)


def test_a_moment_of_an_animation_is_shown(playground: Playground) -> None:
    playground.drop(sample("animation.gif"))
    card = playground.card("animation.gif")
    card.get_by_role("slider", name="Moment").press("End")
    expect(card.locator(".picture canvas")).to_have_attribute(
        "aria-label", "animation.gif, frame 11"
    )


def test_progress_and_findings_are_shown_before_the_end(playground: Playground) -> None:
    playground.page.evaluate(WATCH)
    playground.drop(long_video())
    expect(playground.card("long.mp4").locator(".verdict")).to_contain_text("Flagged")
    seen = list(map(json.loads, playground.page.evaluate("window.seen")))
    working = [entry for entry in seen if entry["state"] == "working"]
    assert any(re.match(r"Looking, \d+ %, at 0:\d\d\.\d", entry["step"]) for entry in working)
    assert any(entry["findings"] for entry in working)
    assert seen[-1]["state"] == "done"


def test_flagged_media_is_blurred_until_asked_for(playground: Playground) -> None:
    playground.drop(sample("flagged.jpg"), sample("landscape.jpg"))
    blurred = "picture => getComputedStyle(picture).filter.includes('blur')"
    harmless = playground.card("landscape.jpg")
    expect(harmless.locator(".verdict")).to_have_text("Not flagged")
    assert not harmless.locator(".picture").evaluate(blurred)
    card = playground.card("flagged.jpg")
    expect(card.locator(".verdict")).to_contain_text("Flagged")
    assert card.locator(".picture").evaluate(blurred)
    assert card.locator(".picture").evaluate("picture => picture.inert")
    card.get_by_role("button", name="Show flagged.jpg").click()
    assert not card.locator(".picture").evaluate(blurred)
    playground.set_threshold(1)
    playground.set_threshold(0.5)
    assert not card.locator(".picture").evaluate(blurred)  # it was asked for


def test_what_the_browser_cannot_show_is_classified_all_the_same(playground: Playground) -> None:
    playground.drop(sample("flagged.heic"))
    card = playground.card("flagged.heic")
    expect(card.locator(".placeholder")).to_contain_text("HEIC")
    expect(card.locator(".verdict")).to_contain_text("Flagged: nsfw")


def test_what_a_file_is_its_bytes_decide(playground: Playground) -> None:
    playground.drop(
        ("clip", sample("video.mp4")[1]),
        ("really-a-photo.mp4", sample("landscape.jpg")[1]),
        ("notes.txt", b"hello"),
    )
    expect(playground.card("clip").locator(".coverage")).to_contain_text("180 frames")
    expect(playground.card("really-a-photo.mp4").locator(".verdict")).to_have_text("Not flagged")
    expect(playground.card("notes.txt").locator(".sentence")).to_contain_text(
        "not an image or a video"
    )


def test_a_file_over_the_limits_is_refused_before_it_is_sent(playground: Playground) -> None:
    playground.page.route("**/v1/limits", small_limits)
    with playground.page.expect_response("**/v1/limits"):
        playground.page.reload()
    expect(
        playground.page.get_by_role("option", name="builtin/demo (demonstration)")
    ).to_be_attached()
    playground.drop(sample("landscape.jpg"))
    sentence = playground.card("landscape.jpg").locator(".sentence")
    expect(sentence).to_have_text(
        "The file has 167 KiB; this service takes images of up to 1.0 KiB."
    )
    assert playground.posts() == []


def small_limits(route: Route) -> None:
    """The service's answer with smaller numbers."""
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"max_image_bytes": 1024})


def test_cancelling_ends_the_request_and_leaves_no_verdict(playground: Playground) -> None:
    playground.page.route("**/v1/images*", lambda route: None)  # never answered
    playground.drop(sample("landscape.jpg"))
    card = playground.card("landscape.jpg")
    expect(card).to_have_attribute("data-state", "working")
    with playground.page.expect_event("requestfailed"):
        card.get_by_role("button", name="Cancel").click()
    expect(card.locator(".verdict")).to_have_text("No verdict")
    expect(card.locator(".sentence")).to_contain_text("Cancelled")
    playground.page.unroute_all()
    card.get_by_role("button", name="Try again").click()
    expect(card.locator(".verdict")).to_have_text("Not flagged")


def test_a_service_that_is_gone_is_told_and_can_be_tried_again(blank: OpenPlayground) -> None:
    playground = blank()
    playground.page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
    playground.open(KEY)
    notice = playground.page.locator("#service-problem")
    expect(notice).to_contain_text("cannot be reached")
    playground.page.unroute_all()
    notice.get_by_role("button", name="Try again").click()
    expect(notice).to_be_hidden()
    playground.complaints = [c for c in playground.complaints if "ERR_CONNECTION_REFUSED" not in c]


def test_files_are_chosen_and_pasted_too(playground: Playground) -> None:
    playground.page.get_by_label("Choose files").set_input_files(SAMPLES / "landscape.jpg")
    expect(playground.card("landscape.jpg").locator(".verdict")).to_have_text("Not flagged")
    playground.paste(sample("flagged.png"))
    expect(playground.card("flagged.png").locator(".verdict")).to_contain_text("Flagged")


def test_files_are_removed_and_the_focus_stays_in_place(playground: Playground) -> None:
    playground.drop(sample("landscape.jpg"), sample("sunset.webp"))
    playground.card("landscape.jpg").get_by_role("button", name="Remove").press("Enter")
    expect(playground.page.locator(".card")).to_have_count(1)
    expect(playground.card("sunset.webp").get_by_role("button", name="Remove")).to_be_focused()
    playground.page.get_by_role("button", name="Remove all").click()
    expect(playground.page.locator("#files")).to_be_hidden()


def test_nothing_is_asked_of_any_other_place(playground: Playground) -> None:
    playground.drop(sample("flagged.jpg"), sample("video.mp4"))
    expect(playground.page.locator("#summary")).to_have_text("2 files: 2 flagged")
    assert playground.complaints == []
    asked = {re.sub(r"\?.*|/playground/.*", "", request) for request in playground.requests}
    assert asked <= {
        "GET /",
        "GET ",
        "GET /v1/models",
        "GET /v1/limits",
        "POST /v1/images",
        "POST /v1/videos",
    }
