"""The playground's page and assets, served as they lie in the package: nothing is built.

Assets live below a path that carries a digest of all of them, so browsers may keep them for ever:
another version has another path. The page itself is asked for again each time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

ASSETS = Path(__file__).with_name("assets")
PAGE = ASSETS / "index.html"
PLACE_OF_ASSETS = "{assets}"
"""Stands in the page wherever the assets' path belongs."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # blob: the files that the user chose, which stay in the browser
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing to elsewhere, and no script or style but the files below."""

_SAFE: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Playground:
    """The page and its assets.

    Links are relative, so that a reverse proxy may put the service under a path of its own.
    """

    def __init__(self) -> None:
        self.path = f"/playground/{_digest_of_assets()}"
        """Where the assets are to be mounted."""
        self.assets: ASGIApp = GZipMiddleware(_Assets(directory=ASSETS), minimum_size=1024)
        """The application to mount there."""
        text = PAGE.read_text(encoding="utf-8")
        self._page = text.replace(PLACE_OF_ASSETS, self.path.removeprefix("/"))
        etag = hashlib.sha256(self._page.encode()).hexdigest()[:32]
        self._headers = {
            **_SAFE,
            "Cache-Control": "no-cache",
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "ETag": f'"{etag}"',
            "Vary": "Accept",
        }

    def page(self, request: Request) -> Response:
        """The page, or 304 where the browser has it."""
        known = request.headers.get("if-none-match", "")
        if self._headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self._headers)
        return HTMLResponse(self._page, headers=self._headers)


def is_asked_for(request: Request) -> bool:
    """Whether a browser asks: only they name ``text/html``; programs take anything."""
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(part.split(";")[0].strip() == "text/html" for part in accepted)


class _Assets(StaticFiles):
    """Files that never change below their path."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = HTTPStatus.OK,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_SAFE)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _digest_of_assets() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in ASSETS.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ASSETS).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
