"""Unit tests run without Ray: starting it here is an error, not a slow test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def ray_is_forbidden() -> Iterator[None]:
    import ray

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a unit test must not start Ray")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "init", refuse)
        yield
