"""Draws the pictures of the playground in the documentation: ``scripts/playground-screenshots``."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.chromium import executable, launched
from tests.browser.media import corrupt, sample
from tests.browser.playground import Playground
from tests.integration.service import ROOT, default_config, running

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 300 * 1024
COLOURS = 256
"""A palette makes a fifth of the bytes of it, and nobody sees the difference."""
DONE_MILLISECONDS = 60_000


def save(playground: Playground, name: str, *, whole: bool = False) -> None:
    """Write what is seen as a small PNG."""
    shot = playground.page.screenshot(full_page=whole, animations="disabled")
    picture = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS)
    path = IMAGES / f"playground-{name}.png"
    picture.save(path, optimize=True)
    size = path.stat().st_size
    if size > MOST_BYTES:
        sys.exit(f"{path.name} has {size} bytes, more than {MOST_BYTES}")
    print(f"{path.relative_to(ROOT)}: {picture.width} × {picture.height}, {size // 1024} KiB")


def wait(playground: Playground, flagged: int) -> None:
    """Until every file has its result."""
    summary = playground.page.locator("#summary")
    expect(summary).to_contain_text(f"{flagged} flagged", timeout=DONE_MILLISECONDS)
    expect(summary).not_to_contain_text("to go", timeout=DONE_MILLISECONDS)


def images(browser: Browser, url: str) -> None:
    """A grid of stills, one of them broken."""
    context = browser.new_context(viewport={"width": 1280, "height": 760}, color_scheme="light")
    playground = Playground(context.new_page(), url).open()
    names = ("landscape.jpg", "flagged.jpg", "flagged.heic")
    playground.drop(*map(sample, names), corrupt())
    wait(playground, flagged=2)
    save(playground, "images")
    playground.card("flagged.jpg").get_by_role("button", name="Copy").click()
    save(playground, "copy")
    context.close()


def video(browser: Browser, url: str, name: str, *, width: int, height: int) -> None:
    """A video with its plot, stopped in the middle of its segment."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark", device_scale_factor=1
    )
    playground = Playground(context.new_page(), url).open()
    playground.drop(sample("video.mp4"))
    wait(playground, flagged=1)
    card = playground.card("video.mp4")
    card.get_by_role("button", name="Show video.mp4").click()
    slider = card.get_by_role("slider", name="Moment")
    for _ in range(3):
        slider.press("ArrowRight")
    slider.press("n")
    slider.press("ArrowRight")
    expect(card.locator(".readout")).to_contain_text("nsfw 0.99")
    slider.evaluate("slider => slider.blur()")
    card.locator("video").evaluate(
        "video => video.seeking && new Promise(done => video.onseeked = done)"
    )
    playground.page.evaluate("scrollTo(0, 0)")
    save(playground, name, whole=True)
    context.close()


def animation(browser: Browser, url: str) -> None:
    """An animated image, still blurred."""
    context = browser.new_context(viewport={"width": 1280, "height": 760}, color_scheme="light")
    playground = Playground(context.new_page(), url).open()
    playground.drop(sample("animation.gif"))
    wait(playground, flagged=1)
    playground.set_threshold(0.5)
    save(playground, "animation")
    context.close()


def main() -> None:
    """Draw them all."""
    path = executable() or sys.exit(
        "no Chromium on this machine; scripts/install-debian installs it"
    )
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(default_config(), Path(folder)) as service,
        launched(path) as browser,
    ):
        images(browser, service.url)
        animation(browser, service.url)
        video(browser, service.url, "video", width=1280, height=760)
        video(browser, service.url, "phone", width=390, height=844)


if __name__ == "__main__":
    main()
