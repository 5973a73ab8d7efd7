"""Says when the service answers, and with which models."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from http import HTTPStatus

logger = logging.getLogger("vigil")

_POLL_SECONDS = 0.25
_REQUEST_SECONDS = 5.0
_WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def announce_when_ready(url: str) -> None:
    """Waits for ``/readyz``, for as long as that takes, and logs what serves.

    Args:
        url: The service's, on this machine.
    """
    started = time.monotonic()
    while _status(f"{url}/readyz") != HTTPStatus.OK:
        time.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - started
    logger.info("Ready after %.0f s: %s serves %s", seconds, url, _models(url))


def _status(url: str) -> int:
    try:
        with _WITHOUT_PROXY.open(url, timeout=_REQUEST_SECONDS) as response:
            status: int = response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
    return status


def _models(url: str) -> str:
    """The models, where they may be asked for without an API key."""
    try:
        with _WITHOUT_PROXY.open(f"{url}/v1/models", timeout=_REQUEST_SECONDS) as response:
            models = json.load(response)["models"]
    except OSError:
        return "to those who have an API key"
    return ", ".join(f"{model['name']} ({model['state']})" for model in models)
