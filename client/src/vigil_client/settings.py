"""What both clients are told when they are made."""

from __future__ import annotations

import re

import httpx

API_KEY_HEADER = "X-API-Key"
DEFAULT_URL = "http://127.0.0.1:8000"

DEFAULT_TIMEOUT = httpx.Timeout(300.0, connect=10.0, write=60.0)
"""Seconds. A model that has to be loaded first may take minutes; of a video's analysis the service
tells something every five seconds, see `STREAM_TIMEOUT_SECONDS`."""

STREAM_TIMEOUT_SECONDS = 60.0
"""Longest silence of a stream, twelve of the service's heartbeats."""

PROBE_TIMEOUT_SECONDS = 10.0
"""Of the question whether the service is ready."""


def base_url(url: str) -> str:
    """The service's address.

    Raises:
        ValueError: It is no address of a web server.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("The service's URL must begin with http:// or https://.")
    return url


def headers(api_key: str | None) -> dict[bytes, bytes]:
    """Headers of every request.

    Raises:
        ValueError: The key cannot be sent in a header; the message does not show it.
    """
    if api_key is None:
        return {}
    if not api_key or re.search(r"[\x00-\x20\x7f]", api_key):
        raise ValueError("The API key is empty or holds white space or control characters.")
    return {API_KEY_HEADER.encode(): api_key.encode()}


def stream_timeout(timeout: httpx.Timeout) -> httpx.Timeout:
    """The time-outs of a stream: between two lines no more than `STREAM_TIMEOUT_SECONDS`."""
    read = timeout.read
    return httpx.Timeout(
        connect=timeout.connect,
        write=timeout.write,
        pool=timeout.pool,
        read=STREAM_TIMEOUT_SECONDS if read is None else min(read, STREAM_TIMEOUT_SECONDS),
    )
