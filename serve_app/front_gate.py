"""The front gate: what HAProxy refuses by itself, before an ingress replica hears of it.

The gate in the ingress (`serve_app.gate`) refuses in a fraction of a millisecond of processor time,
but its turn comes behind all that the replica's event loop and interpreter have to do. Where a
model costs less than the HTTP around it, a flood so makes everyone wait for refusals: at ten times
the capacity accepted requests took 50 times as long as at capacity. HAProxy refuses in a third of
a millisecond, whatever the replicas do.

It receives bodies itself as far as its buffer reaches, so that slow clients take no place, and
counts the requests that it holds whole and that wait for an answer. Larger ones, videos and
everything that is no POST pass: the gate behind knows them better.

Serve makes HAProxy's configuration and has no setting for rules of one's own (Ray 2.60).
`FRONT_GATE_VARIABLE` is the text of a directive in the very section that needs them, and may have
several lines. ``python -m serve_app.front_gate`` prints its value;
docs/adr/0005-refusing-in-haproxy.md says why it goes this way.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping

from serve_app.admission import overloaded
from serve_app.config import FRONT_GATE_VARIABLE
from serve_app.config_sections import IngressConfig
from serve_app.edge import REQUEST_ID_HEADER, REQUEST_ID_PATTERN
from serve_app.gate import VIDEO_ROUTES
from serve_app.problems import MEDIA_TYPE, body_of
from serve_app.security_headers import HEADERS_OF_PROBLEMS

REQUESTS_PER_REPLICA = IngressConfig().max_concurrent_requests
"""Under way in each ingress replica, as one HAProxy counts them."""

BODY_SECONDS = 1800
"""How long a body may take that HAProxy receives whole: ``request_timeout_seconds``; then: 408."""

_PER_REPLICA = re.compile(r"nbsrv,mul\((\d+)\)")
_DOWN_INTERVAL = "250ms"
"""Serve's own value: how often HAProxy asks a replica that is down."""


def rules(requests_per_replica: int = REQUESTS_PER_REPLICA) -> str:
    """The value of `FRONT_GATE_VARIABLE`: directives of HAProxy 2.8, one a line.

    Args:
        requests_per_replica: How many may be under way in each ingress replica.
    """
    videos = " ".join(f"{route} {route}/" for route in sorted(VIDEO_ROUTES))
    return "\n".join(
        [
            _DOWN_INTERVAL,
            "stick-table type integer size 16 store conn_cur",
            f"acl for_videos path_end {videos}",
            f"http-request wait-for-body time {BODY_SECONDS}s if METH_POST !for_videos",
            "http-request set-var(txn.size) req.body_size",
            "acl whole req.body_len,sub(txn.size) ge 0",
            "http-request track-sc0 int(1) if METH_POST !for_videos whole",
            f"http-request set-var(txn.most) nbsrv,mul({requests_per_replica})",
            "acl crowded sc0_conn_cur,sub(txn.most) gt 0",
            f"http-request set-var(txn.id) req.hdr({REQUEST_ID_HEADER}) "
            f"if crowded {{ req.hdr({REQUEST_ID_HEADER}) -m reg ^{REQUEST_ID_PATTERN}$ }}",
            "http-request set-var(txn.id) uuid if crowded !{ var(txn.id) -m found }",
            f"http-request return {_refusal()} if crowded",
            f"default-server downinter {_DOWN_INTERVAL}",
        ]
    )


def _refusal() -> str:
    error = overloaded(1)
    headers = HEADERS_OF_PROBLEMS | {
        "Retry-After": str(error.retry_after_seconds),
        REQUEST_ID_HEADER: "%[var(txn.id)]",
    }
    body = body_of(error)
    return " ".join(
        [
            f"status {body['status']} content-type {MEDIA_TYPE}",
            f"string '{json.dumps(body, separators=(',', ':'))}'",
            *(f'hdr {name} "{value}"' for name, value in headers.items()),
        ]
    )


def complaint(max_concurrent_requests: int, environ: Mapping[str, str]) -> str | None:
    """What to tell an operator whose ingress would take more than HAProxy lets in.

    Args:
        max_concurrent_requests: Of one ingress replica.
        environ: In which `FRONT_GATE_VARIABLE` may be.
    """
    found = _PER_REPLICA.search(environ.get(FRONT_GATE_VARIABLE, ""))
    if found is None or int(found[1]) >= max_concurrent_requests:
        return None
    return (
        f"HAProxy refuses images beyond {found[1]} requests under way for an ingress replica, so "
        f"ingress.max_concurrent_requests={max_concurrent_requests} is not reached; set "
        f"{FRONT_GATE_VARIABLE} to what python -m serve_app.front_gate "
        f"{max_concurrent_requests} prints"
    )


def main() -> None:
    """Print the rules, for the number of requests that the command line may give."""
    parser = argparse.ArgumentParser("python -m serve_app.front_gate", description=main.__doc__)
    parser.add_argument("requests", type=int, nargs="?", default=REQUESTS_PER_REPLICA)
    sys.stdout.write(f"{rules(parser.parse_args().requests)}\n")


if __name__ == "__main__":
    main()
