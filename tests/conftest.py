"""Markers by folder: what a test may use follows from where it stands."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# Ray reads it when it is imported: a local cluster asks for a token by itself, and a driver that
# joins one has to be told.
os.environ.setdefault("RAY_AUTH_MODE", "token")

# A shell without job control starts what runs in its background with SIGINT ignored, and programs
# inherit that: the services that tests stop as Ctrl-C does would not end.
signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(folder)
