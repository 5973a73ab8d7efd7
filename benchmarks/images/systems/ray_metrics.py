"""Reads the number of Vigil's batches from Ray's own metrics ports."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path

# Only the count is exact: Ray 2.60 passes a histogram on as counts by bucket, and makes its sum up
# from the middles of the buckets.
_SERIES = re.compile(r"^ray_vigil_batch_frames_count\{([^}]*)\} (\S+)$", re.MULTILINE)
_POLL_SECONDS = 1.0
_REPORT_SECONDS = 11.0
"""Every process reports once in ten seconds (``metrics_report_interval_ms``)."""


def settled_batches(ray_directory: Path) -> int:
    """Batches of all replicas so far, once every one has reported its last.

    Takes at least `_REPORT_SECONDS`; no requests may be in flight.

    Args:
        ray_directory: ``ray`` in the cluster's ``RAY_TMPDIR``.
    """
    count, since = -1, time.monotonic()
    while count < 0 or time.monotonic() - since < _REPORT_SECONDS:
        current = read_batches(ray_directory)
        if current != count:
            count, since = current, time.monotonic()
        time.sleep(_POLL_SECONDS)
    return count


def read_batches(ray_directory: Path) -> int:
    """Batches of all replicas that were reported so far."""
    discovery = ray_directory / "prom_metrics_service_discovery.json"
    if not discovery.exists():
        return 0
    session = (ray_directory / "session_latest").resolve().name
    return sum(
        batches_in(_scrape(target), session)
        for group in json.loads(discovery.read_text())
        for target in group["targets"]
    )


def batches_in(exposition: str, session: str) -> int:
    """Batches in one page of metrics, in the Prometheus text format.

    Args:
        exposition: The page.
        session: Name of Ray's session. Some ports are the same for every Ray on a machine, and
            may answer for another one.
    """
    return round(
        sum(
            float(value)
            for labels, value in _SERIES.findall(exposition)
            if f'SessionName="{session}"' in labels
        )
    )


def _scrape(target: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as response:
            text: str = response.read().decode()
    except OSError:
        return ""  # Ray names the ports of its dashboard and autoscaler even where they are closed
    return text
