"""The port that clients use, and what already answers there."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from serve_app.launcher import ports
from serve_app.launcher.serve_file import HttpOptions
from serve_app.launcher.serve_ports import service_port_variables
from vigil_cli.doctor.finding import Finding, bad, good

_SECONDS = 3.0


def check(http: HttpOptions) -> Iterator[Finding]:
    """Whether the service could listen."""
    subject = f"port {http.port}"
    try:
        if ports.is_free(http.host, http.port):
            yield good(subject, "Free.")
        elif _is_vigil(http.url):
            yield good(subject, f"A Vigil service answers at {http.url}.")
        else:
            yield bad(
                subject,
                "Taken by another program.",
                "End that program, or change http_options.port in the configuration.",
            )
        service_port_variables(http.port)
    except ports.PortUnavailableError as error:
        yield bad(subject, str(error), "Change http_options in the configuration.")


def _is_vigil(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/healthz", timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and answer.text == '{"status":"alive"}'
