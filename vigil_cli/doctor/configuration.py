"""The configuration file, and what is open to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from serve_app.config import AppConfig
from serve_app.launcher.serve_file import HttpOptions, ServeFile, read_serve_file
from vigil_cli.doctor.finding import Finding, bad, good, warning

_LOOPBACK = ("127.", "localhost", "::1")


def read(config: Path) -> tuple[Finding, ServeFile, Sequence[AppConfig]]:
    """The file, as far as it can be used; defaults stand for the rest."""
    try:
        file, apps = read_serve_file(config)
    except (OSError, ValueError) as error:
        found = bad("configuration", f"{error}", "Mend the file, or the environment variable.")
        return found, ServeFile(), [AppConfig()]
    if not apps:
        found = warning("configuration", f"{config} holds no Vigil application.", "Add one.")
        return found, file, [AppConfig()]
    return good("configuration", f"{config} can be used."), file, apps


def check(http: HttpOptions, app: AppConfig) -> Iterator[Finding]:
    """Who may use the service."""
    if app.use_api_keys or http.host.startswith(_LOOPBACK):
        reach = "API keys are asked for." if app.use_api_keys else "Only this machine reaches it."
        yield good("access", reach)
    else:
        yield warning(
            "access",
            "Whoever reaches the port may use the service.",
            "Set API_KEYS, or http_options.host to 127.0.0.1.",
        )
