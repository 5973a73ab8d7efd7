"""A minute of mixed load: nothing of the service grows. `scripts/nightly` has ten of them."""

from __future__ import annotations

import pytest

from benchmarks.processes import ProcessFamily
from benchmarks.soak.soak import soak
from tests.integration.service import Service

SECONDS = 60.0
WARM_UP_SECONDS = 45.0
"""The service is not new: what other tests left in its heaps is filled again first."""


def test_a_minute_of_mixed_load_grows_nothing(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    family = ProcessFamily(service.process.pid, mark="")
    report = soak(service.url, family, SECONDS, warm_up_seconds=WARM_UP_SECONDS)
    with capsys.disabled():
        print("\n" + report.table())
    assert sum(report.sent.values()) > 50
    assert report.failures == []
