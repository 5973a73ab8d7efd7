"""One Chromium and one service, which asks for a key, for all tests of the folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import executable, launched
from tests.browser.playground import Playground
from tests.integration.service import Service, default_config, running

KEY = "open sesame"
expect.set_options(timeout=60_000)  # of milliseconds; other work may take the machine's cores

OpenPlayground = Callable[..., Playground]


# Not for the whole session: while Playwright's synchronous API is open, no async test can run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = executable()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, although CI installs it: scripts/install-debian")
        pytest.skip("no Chromium on this machine; scripts/install-debian installs it")
    with launched(path) as chromium:
        yield chromium


@pytest.fixture(scope="package")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """``serve run`` on ``serve_config.yaml`` with the bundled model, for whoever has the key."""
    config = default_config()
    model = config["applications"][0]["args"]["models"][0]
    model |= {"num_cpus": 0.4, "replicas": {"min": 1, "max": 1}}
    environ = {"USE_API_KEYS": "true", "API_KEYS": KEY}
    with running(config, tmp_path_factory.mktemp("playground"), environ) as running_service:
        yield running_service


@pytest.fixture
def blank(browser: Browser, service: Service) -> Iterator[OpenPlayground]:
    """Playgrounds in browser contexts of their own, not opened yet; none may have complained."""
    opened: list[Playground] = []

    def make(**options: Any) -> Playground:
        playground = Playground(browser.new_context(**options).new_page(), service.url)
        opened.append(playground)
        return playground

    yield make
    for playground in opened:
        complaints = list(playground.complaints)
        playground.page.context.close()
        assert complaints == []


@pytest.fixture
def playground(blank: OpenPlayground) -> Playground:
    """A playground that has the key."""
    return blank().open(KEY)
