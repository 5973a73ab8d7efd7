"""The section of `AppConfig` that says who may use the service, and how much of it."""

from __future__ import annotations

import hashlib
from typing import Self

from pydantic import Field, field_validator, model_validator

from serve_app.config_sections import Section


class ApiKey(Section):
    """One accepted key, by its hash.

    Keys are random numbers of 128 bits or more (`scripts/make-api-key`), so one round of SHA-256
    hides them: there is nothing to guess from a hash. A slow hash, as for passwords, would add
    nothing to that, and would let anyone keep the service busy by sending wrong keys. A salt keeps
    equal passwords from having equal hashes; random keys are never equal.
    """

    name: str = Field(
        min_length=1, description="Whose key it is: for operators; clients never send it."
    )
    sha256: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the key, in hexadecimal: `scripts/make-api-key` makes both.",
    )
    requests_per_minute: float | None = Field(
        default=None, gt=0, description="Instead of the one for every key."
    )
    max_concurrent_requests: int | None = Field(
        default=None, ge=1, description="Instead of the one for every key."
    )

    @classmethod
    def of_plain(cls, name: str, key: str) -> Self:
        """The entry for a key that is known."""
        return cls(name=name, sha256=hashlib.sha256(key.encode()).hexdigest())


class AccessConfig(Section):
    """Keys beside those in API_KEYS, each key's share, and which web pages may call.

    Shares are those of one ingress replica: replicas do not tell each other, so that no request
    waits for a store that all of them share.
    """

    keys: tuple[ApiKey, ...] = Field(
        default=(), description="Keys by their hashes; any of them turns `use_api_keys` on."
    )
    requests_per_minute: float | None = Field(
        default=None,
        gt=0,
        description="Requests of one key in a minute, at one ingress replica; a minute's worth may "
        "come at once. Beyond: 429 with Retry-After. null: no bound.",
    )
    max_concurrent_requests: int | None = Field(
        default=None,
        ge=1,
        description="Requests of one key under way at one ingress replica; beyond: 429. "
        "null: no bound.",
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins whose pages may call the service from a browser, as "
        "`https://app.example.com`; `*`: any. Empty: none.",
    )

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, separator, host = origin.partition("://")
            if origin != "*" and not (
                scheme in ("http", "https") and separator and host and "/" not in host
            ):
                raise ValueError(f"{origin!r} is no origin: scheme, '://' and host, without a path")
        return origins

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [key.name for key in self.keys]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(f"keys: the name {min(repeated)!r} is given more than once")
        return self
