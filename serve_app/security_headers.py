"""Headers that keep browsers from doing more with an answer than it is for."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
HEADERS_OF_PROBLEMS = _ALWAYS | {
    "Content-Security-Policy": _DATA_POLICY,
    "Cache-Control": "no-store",
}
"""All that belong on the refusal of a POST, for whoever answers without this middleware."""
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For pages that bring no policy of their own: FastAPI's, which start their scripts in line."""


class SecurityHeaders:
    """Puts them on every answer that does not say something else itself.

    Strict-Transport-Security is left to whatever terminates TLS, as only that knows.

    Args:
        app: The application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                page = headers.get("content-type", "").startswith("text/html")
                headers.setdefault(
                    "Content-Security-Policy", _PAGE_POLICY if page else _DATA_POLICY
                )
                if scope["method"] == "POST":  # verdicts are nobody else's
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
