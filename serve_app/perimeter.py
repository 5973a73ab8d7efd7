"""The perimeter: whose key a request has, and whether it may come now, before its body is read.

Serve reads a request's whole body before the application sees it. A check of the key in the
application alone would let anyone fill the memory that is set aside for uploads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.errors import TooManyRequestsError, UnauthorizedError
from serve_app.auth import HEADER, ApiKeys
from serve_app.config import AppConfig
from serve_app.config_access import AccessConfig, ApiKey
from serve_app.edge import REQUEST_ID_HEADER
from serve_app.key_limits import KeyLimits
from serve_app.refusals import refuse
from serve_app.security_headers import SecurityHeaders
from serve_app.upload_bounds import Refused, note_refusal

_PASSED = "vigil.perimeter"
"""Key of the ASGI scope that says that a request has passed a perimeter."""

_GUARDED = re.compile(r"/(api|v1)/")
"""Wherever in a path, as the service may lie under a path of its own. The routes ask for the key
themselves, too: what this lets through is refused there."""

_KEY_HEADER = HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Who may pass."""

    keys: tuple[ApiKey, ...]
    """Empty: everyone."""
    access: AccessConfig

    @classmethod
    def of(cls, config: AppConfig) -> AccessRules:
        """The rules that were configured."""
        return cls(config.accepted_keys, config.access)


EVERYONE = AccessRules((), AccessConfig())
"""No key is asked for."""


class Perimeter:
    """Security headers, cross-origin rules, keys and their shares, from the outside in.

    Args:
        app: The application inside.
        rules: Who may pass.
        refused: Told about refusals.
    """

    def __init__(
        self, app: ASGIApp, rules: AccessRules, *, refused: Refused = note_refusal
    ) -> None:
        self._inside = app
        app = _KeyCheck(app, rules, refused) if rules.keys else app
        if rules.access.cors_origins:
            app = CORSMiddleware(
                app,
                allow_origins=rules.access.cors_origins,
                allow_methods=("GET", "POST"),
                allow_headers=(HEADER, REQUEST_ID_HEADER),
                expose_headers=(REQUEST_ID_HEADER, "Retry-After"),
            )
        self._guarded = SecurityHeaders(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or _PASSED in scope:
            await self._inside(scope, receive, send)
            return
        scope[_PASSED] = True
        await self._guarded(scope, receive, send)


class _KeyCheck:
    def __init__(self, app: ASGIApp, rules: AccessRules, refused: Refused) -> None:
        self._app = app
        self._keys = ApiKeys(rules.keys)
        self._limits = KeyLimits(rules.access)
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _GUARDED.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            share = self._limits.of(self._keys.owner(_key(scope)))
            share.enter()
        except (UnauthorizedError, TooManyRequestsError) as error:
            self._refused(error)
            await refuse(error, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            share.leave()


def _key(scope: Scope) -> bytes | None:
    return next((value for name, value in scope["headers"] if name.lower() == _KEY_HEADER), None)
