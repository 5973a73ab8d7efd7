"""Markers by folder: what a test may use follows from where it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Ray reads it when it is imported: a local cluster asks for a token by itself, and a driver that
# joins one has to be told.
os.environ.setdefault("RAY_AUTH_MODE", "token")

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(folder)
