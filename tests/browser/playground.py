"""The playground as its user sees it, for tests and for screenshots."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Sequence

from playwright.sync_api import ConsoleMessage, JSHandle, Locator, Page, Request

File = tuple[str, bytes]
"""Name and content."""

_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""Chromium logs every answer of that kind; a refused file gets one, and that is right."""

_TRANSFER = """
(files) => {
  const transfer = new DataTransfer();
  for (const { name, type, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  return transfer;
}
"""


class Playground:
    """One open page.

    Args:
        page: A fresh page.
        url: The service's.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        """Errors on the console, uncaught exceptions, and requests to anywhere else."""
        self.requests: list[str] = []
        """Method and path of every request to the service."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def open(self, key: str | None = None) -> Playground:
        """Load the page; with a key as if it had been given in this tab before."""
        if key is not None:
            self.page.add_init_script(f"sessionStorage.setItem('vigil.api-key', '{key}')")
        self.page.goto(self.url)
        return self

    def drop(self, *files: File) -> None:
        """Drop files on the page."""
        transfer = self._transfer(files)
        for event in ("dragover", "drop"):
            self.page.dispatch_event("#drop", event, {"dataTransfer": transfer})

    def paste(self, *files: File) -> None:
        """Paste files, wherever the focus is."""
        script = """data => document.activeElement.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
        )"""
        self.page.evaluate(script, self._transfer(files))

    def _transfer(self, files: Sequence[File]) -> JSHandle:
        given = [
            {
                "name": name,
                "type": mimetypes.guess_type(name)[0] or "",
                "base64": base64.b64encode(content).decode(),
            }
            for name, content in files
        ]
        return self.page.evaluate_handle(_TRANSFER, given)

    def card(self, name: str) -> Locator:
        """The card of a file."""
        return self.page.locator(".card", has=self.page.get_by_role("heading", name=name))

    def posts(self) -> list[str]:
        return [request for request in self.requests if request.startswith("POST")]

    def set_threshold(self, value: float) -> None:
        """Move the slider."""
        self.page.get_by_role("slider", name="Threshold").fill(str(value))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _REFUSED.match(message.text):
            self.complaints.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if request.url.startswith(self.url):
            self.requests.append(f"{request.method} {request.url.removeprefix(self.url)}")
        elif not request.url.startswith(("blob:", "data:")):
            self.complaints.append(f"request to elsewhere: {request.url}")
