"""The real HTTP application with fakes behind it, on a port of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier, fake_model
from deployments.video.fake import FakeVideoAnalyst
from serve_app.application import create_app
from serve_app.config import resolve
from tests.assets.ports import free_port

PLAIN = fake_model("ages", ["young", "middle", "old"])
"""A model that flags nothing."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


class LoopbackService:
    """A service that can be stopped, and started again where it was.

    Args:
        environ: As of `serve_app.config.resolve`.
        args: As of ``serve_config.yaml``.
    """

    def __init__(self, environ: dict[str, str] | None = None, **args: object) -> None:
        self.classifier = FakeClassifier([FAKE_MODEL, PLAIN])
        nsfw = np.repeat([0.1, 0.5, 0.9, 0.1], 10)
        ages = np.tile(np.array([0.2, 0.3, 0.5], np.float32), (40, 1))
        self.videos = FakeVideoAnalyst(
            {
                FAKE_MODEL.name: (FAKE_MODEL, np.stack([1 - nsfw, nsfw], 1).astype(np.float32)),
                PLAIN.name: (PLAIN, ages),
            }
        )
        models = [{"name": model.name} for model in (FAKE_MODEL, PLAIN)]
        self._config = resolve({"models": models, **args}, environ or {})
        self._interposed: list[tuple[int, dict[str, str], bytes]] = []
        self.paths: list[str] = []
        """What was asked for, in order."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Listen."""
        self._app = create_app(self._config, self.classifier, self.videos)
        config = uvicorn.Config(
            self._answer,
            port=self.port,
            interface="asgi3",
            ws="none",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        assert self._server.listens.wait(20)

    def stop(self) -> None:
        """Close the port and all connections."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def interpose(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        """Give the next request this answer, as a proxy in front of the service would."""
        self._interposed.append((status, headers or {}, body))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        if scope["type"] == "http":
            self.paths.append(scope["path"])
            if self._interposed:
                status, headers, body = self._interposed.pop(0)
                raw = [(name.encode(), value.encode()) for name, value in headers.items()]
                while (await receive()).get("more_body"):
                    continue
                await send({"type": "http.response.start", "status": status, "headers": raw})
                await send({"type": "http.response.body", "body": body})
                return
        await app(scope, receive, send)


@contextmanager
def loopback_service(
    environ: dict[str, str] | None = None, **args: object
) -> Iterator[LoopbackService]:
    """A service for as long as the block runs."""
    service = LoopbackService(environ, **args)
    try:
        yield service
    finally:
        service.stop()
