"""Where models come from: the hub, its cache, and what is in there already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
from huggingface_hub import constants, try_to_load_from_cache

from deployments.classifier.hub import BUILTIN_PREFIX
from serve_app.config import AppConfig, ModelConfig
from vigil_cli.doctor.finding import Finding, bad, good, warning

_SECONDS = 10.0


def check(app: AppConfig) -> Iterator[Finding]:
    """Whether every configured model can be had."""
    from_hub = [model for model in app.models if _is_from_hub(model)]
    yield _cache(bool(from_hub))
    if from_hub:
        for model in from_hub:
            yield _model(model, app)
    elif app.on_demand.allow:
        yield _reachable()
    else:
        yield good("hub", "No model comes from it.")


def _is_from_hub(model: ModelConfig) -> bool:
    name = model.checkpoint
    return not name.startswith(BUILTIN_PREFIX) and not Path(name).is_dir()


def _cache(is_needed: bool) -> Finding:
    cache = Path(constants.HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if os.access(existing, os.W_OK):
        return good("hub cache", f"{cache} can be written to.")
    make = bad if is_needed else warning
    return make(
        "hub cache",
        f"{cache} cannot be written to, so no model can be fetched.",
        "Set HF_HOME to a folder that this user may write to.",
    )


def _model(model: ModelConfig, app: AppConfig) -> Finding:
    subject = f"model {model.name}"
    revision = model.revision or "main"
    cached = isinstance(
        try_to_load_from_cache(model.checkpoint, "config.json", revision=revision), str
    )
    if cached:
        return good(subject, "Is in the hub's cache.")
    if constants.HF_HUB_OFFLINE:
        return bad(
            subject,
            "Is not in the hub's cache, and HF_HUB_OFFLINE forbids to fetch it.",
            "Start once without HF_HUB_OFFLINE, or copy a cache that holds it.",
        )
    token = app.access_token.get_secret_value() if app.access_token else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{constants.ENDPOINT}/api/models/{model.checkpoint}/revision/{revision}"
    status = _status(url, headers)
    if status == httpx.codes.OK:
        return good(subject, "Is on the hub and will be fetched.")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return bad(
            subject,
            "Does not exist on the hub, or may not be read with this token.",
            "Check the name; for a gated model set ACCESS_TOKEN to a token that may read it.",
        )
    if status == httpx.codes.NOT_FOUND:
        return bad(subject, "Does not exist on the hub.", "Check its name and revision.")
    return bad(
        subject,
        f"Is not in the hub's cache, and {constants.ENDPOINT} cannot be reached.",
        "Check the network and the proxy (HTTPS_PROXY), or set HF_ENDPOINT to a mirror.",
    )


def _reachable() -> Finding:
    if constants.HF_HUB_OFFLINE:
        return good("hub", "HF_HUB_OFFLINE is set: only models in the cache can be named.")
    if _status(f"{constants.ENDPOINT}/api/models?limit=1", {}) == httpx.codes.OK:
        return good("hub", f"{constants.ENDPOINT} can be reached.")
    return warning(
        "hub",
        f"{constants.ENDPOINT} cannot be reached, so clients can name no model that is not in the "
        "cache.",
        "Check the network and the proxy, or empty on_demand.allow.",
    )


def _status(url: str, headers: dict[str, str]) -> int:
    try:
        return httpx.get(url, headers=headers, timeout=_SECONDS).status_code
    except httpx.HTTPError:
        return 0
