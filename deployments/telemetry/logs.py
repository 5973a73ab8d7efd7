"""Log lines of a replica go the way of Serve's: its file, its format (TEXT or JSON), its level.

Without this they would end on stderr, which Serve passes on as lines without level or request id.
Of what clients send nothing is logged but names of models: no media, no headers, no keys, no files'
names.
"""

from __future__ import annotations

import logging

from deployments.telemetry.request import current_request

_SERVE_LOGGER = "ray.serve"
"""The logger for applications, too (Ray's documentation: Serve, "Monitoring")."""

_PACKAGES = ("serve_app", "deployments")


class ServeHandler(logging.Handler):
    """Hands records to Serve's logger, with the id of the request that they belong to."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        serve = logging.getLogger(_SERVE_LOGGER)
        if not serve.isEnabledFor(record.levelno):
            return
        request = current_request()
        if request is not None and not hasattr(record, "request_id"):
            record.request_id = request.request_id
        serve.handle(record)


def log_to_serve() -> None:
    """Called where a replica starts; again: without effect."""
    for name in _PACKAGES:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, ServeHandler) for handler in logger.handlers):
            logger.addHandler(ServeHandler())
            logger.propagate = False
            logger.setLevel(logging.DEBUG)  # Serve's level decides
