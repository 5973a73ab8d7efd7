"""As much of a Serve configuration file as is looked at before `serve run` gets it."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from serve_app.config import AppConfig, environment, resolve

_VIGIL = "serve_app.app:build"


class HttpOptions(BaseModel):
    """Where the service listens; the defaults are Serve's."""

    host: str = "127.0.0.1"
    port: int = 8000

    @property
    def url(self) -> str:
        """An address that reaches the service from this machine."""
        host = "127.0.0.1" if self.host in ("", "*", "0.0.0.0", "::") else self.host  # noqa: S104 - compared with
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class _Application(BaseModel):
    import_path: str = ""
    args: dict[str, object] = {}


class ServeFile(BaseModel):
    """The part of the file that concerns the machine."""

    http_options: HttpOptions = HttpOptions()
    applications: list[_Application] = []

    def app_configs(self, environ: dict[str, str]) -> list[AppConfig]:
        """The configuration of each Vigil application in the file.

        Args:
            environ: As of `serve_app.config.resolve`.

        Raises:
            ConfigError: One of them cannot be used.
        """
        return [
            resolve(application.args, environ)
            for application in self.applications
            if application.import_path == _VIGIL
        ]


def read_serve_file(path: Path) -> tuple[ServeFile, list[AppConfig]]:
    """Reads and checks the file; `serve run` would report a mistake as a traceback, and then wait.

    Returns:
        The file, and the configuration of each Vigil application in it, with the environment's.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no Serve configuration, or one that cannot be used; in a sentence.
    """
    try:
        file = ServeFile.model_validate(yaml.safe_load(path.read_text()) or {})
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a Serve configuration: {error}") from error
    return file, file.app_configs(environment())
