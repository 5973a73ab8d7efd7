"""Fetches images by URL. It is this command that does so, with what this machine may reach, and not
the service.
"""

from __future__ import annotations

from functools import cached_property

import httpx

_TIMEOUT = httpx.Timeout(30.0)


class DownloadError(Exception):
    """There is no file to be had; the message says why."""


class Downloads:
    """Files by URL, within a size. Redirects are followed."""

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        # When it is needed: it reads all root certificates.
        return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True)

    async def close(self) -> None:
        """Close all connections."""
        if "_http" in self.__dict__:
            await self._http.aclose()

    async def fetch(self, url: str, max_bytes: int) -> bytes:
        """The file at a URL.

        Raises:
            DownloadError: It cannot be had, or is larger than ``max_bytes``.
        """
        data = bytearray()
        try:
            async with self._http.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise DownloadError(f"The URL answers with status {response.status_code}.")
                async for part in response.aiter_bytes():
                    data += part
                    if len(data) > max_bytes:
                        raise DownloadError(f"The file has more than {max_bytes} bytes.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadError(
                f"The URL cannot be fetched: {str(error) or type(error).__name__}."
            ) from error
        return bytes(data)
