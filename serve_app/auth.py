"""API keys: who may use the routes that do work."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader
from pydantic import SecretStr
from starlette.exceptions import HTTPException

HEADER = "X-API-Key"

_scheme = APIKeyHeader(name=HEADER, auto_error=False, description="One of the service's API_KEYS.")


class ApiKeys:
    """A FastAPI dependency that lets a request pass only with one of the given keys.

    Keys are compared by their SHA-256 digests, in constant time and against every key, so that
    an answer's time tells neither a key's content nor its length nor its place in the list.

    Args:
        keys: The accepted keys.
    """

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        self._digests = [_digest(key.get_secret_value().encode()) for key in keys]

    async def __call__(self, key: Annotated[str | None, Security(_scheme)]) -> None:
        """Pass or refuse.

        Args:
            key: Value of the header, None where it is missing.

        Raises:
            HTTPException: 401, no key or an unknown one.
        """
        if key is None:
            raise _refusal(f"This service asks for an API key in the header {HEADER}.")
        # Header values reach us decoded as latin-1; undone, so that any key compares as its bytes.
        given = _digest(key.encode("latin-1"))
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        if not any(matches):
            raise _refusal(f"The API key in the header {HEADER} is not valid here.")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _refusal(detail: str) -> HTTPException:
    challenge = {"WWW-Authenticate": f'ApiKey realm="vigil", header="{HEADER}"'}
    return HTTPException(HTTPStatus.UNAUTHORIZED, detail, challenge)
