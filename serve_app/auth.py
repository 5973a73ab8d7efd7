"""API keys: who may use the routes that do work."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader

from deployments.errors import UnauthorizedError
from serve_app.config_access import ApiKey

HEADER = "X-API-Key"

_scheme = APIKeyHeader(name=HEADER, auto_error=False, description="One of the service's API keys.")


class ApiKeys:
    """Tells whose key a request has; as a FastAPI dependency it lets no other request pass.

    Keys are compared by their SHA-256 digests, in constant time and against every key, so that
    an answer's time tells neither a key's content nor its length nor its place in the list.

    Args:
        keys: The accepted keys.
    """

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = [(bytes.fromhex(key.sha256), key) for key in keys]

    async def __call__(self, key: Annotated[str | None, Security(_scheme)]) -> None:
        """Pass or refuse.

        Args:
            key: Value of the header, None where it is missing.

        Raises:
            UnauthorizedError: No key or an unknown one.
        """
        # Header values reach us decoded as latin-1; undone, so that any key compares as its bytes.
        self.owner(None if key is None else key.encode("latin-1"))

    def owner(self, key: bytes | None) -> ApiKey:
        """The entry of a key.

        Args:
            key: Value of the header as it was sent, None where it is missing.

        Raises:
            UnauthorizedError: No key or an unknown one.
        """
        if key is None:
            raise UnauthorizedError(f"This service asks for an API key in the header {HEADER}.")
        given = hashlib.sha256(key).digest()
        matches = [entry for digest, entry in self._keys if hmac.compare_digest(given, digest)]
        if not matches:
            raise UnauthorizedError(f"The API key in the header {HEADER} is not valid here.")
        return matches[0]
