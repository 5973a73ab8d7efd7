"""The gate: what every request passes before anything is done for it.

Serve reads a request's whole body ahead, and follows headers with which a client sets its own
time-out, before the application sees the request. So the gate stands around Serve's HTTP server in
each ingress replica, where Serve puts what ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`` names
(`middleware`). Where that is not set, and in the tests, it stands around the application only.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import OverloadedError
from serve_app.admission import Lane, LaneLimits, Ticket
from serve_app.config import AppConfig
from serve_app.edge import STARTED
from serve_app.perimeter import EVERYONE, AccessRules, Perimeter
from serve_app.refusals import refuse
from serve_app.upload_bounds import Refused, UploadBounds, note_refusal

logger = logging.getLogger(__name__)

CONTROL_HEADERS = frozenset(
    {
        b"x-request-timeout-seconds",
        b"x-request-disconnect-disabled",
        b"serve_multiplexed_model_id",
        b"serve-multiplexed-model-id",
    }
)
"""By which Serve 2.60 takes orders (ray/serve/_private/constants.py); none is for clients."""

VIDEO_ROUTES = frozenset({"/api/video-classification", "/v1/videos"})
_PASSED = "vigil.gate"
"""Key of the ASGI scope that says that a request has passed a gate."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """What may be under way in one process."""

    images: LaneLimits
    videos: LaneLimits
    max_request_bytes: int
    max_inflight_bytes: int
    access: AccessRules = EVERYONE

    @classmethod
    def of(cls, config: AppConfig) -> GateRules:
        """The rules that were configured."""
        videos = config.video
        return cls(
            images=LaneLimits(
                config.ingress.max_concurrent_requests, config.ingress.max_wait_seconds
            ),
            videos=LaneLimits(
                videos.max_concurrent_videos * videos.replicas.max + videos.max_waiting_videos
            ),
            max_request_bytes=config.limits.max_request_bytes,
            max_inflight_bytes=config.limits.max_inflight_upload_bytes,
            access=AccessRules.of(config),
        )


class Gate:
    """Admits requests that carry media, or refuses them before their bodies are read.

    All others (probes, documentation) pass, so that an overloaded service is not taken for dead.

    Args:
        app: The application inside.
        rules: What is admitted.
        expects_server_gate: Say once, in the log, where no `ServerGate` was passed before.
        refused: Told about refusals.
    """

    def __init__(
        self,
        app: ASGIApp,
        rules: GateRules,
        *,
        expects_server_gate: bool = False,
        refused: Refused = note_refusal,
    ) -> None:
        self._app = app
        self._expects_server_gate = expects_server_gate
        self._images = Lane(rules.images)
        self._videos = Lane(rules.videos)
        self._refused = refused
        self._bounded = UploadBounds(
            app, rules.max_request_bytes, rules.max_inflight_bytes, refused
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or _PASSED in scope:
            await self._app(scope, receive, send)
            return
        scope[_PASSED] = True
        if self._expects_server_gate:
            self._expects_server_gate = False
            logger.warning(
                "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=serve_app.gate:middleware was not set "
                "where Ray was started: clients can change their time-outs, and uploads are read "
                "before they are refused"
            )
        if scope["method"] != "POST":
            await self._bounded(scope, receive, send)
            return
        lane = self._videos if scope["path"].rstrip("/") in VIDEO_ROUTES else self._images
        try:
            ticket = lane.enter()
        except OverloadedError as error:
            self._refused(error)
            await refuse(error, scope, receive, send)
            return
        try:
            await self._bounded(
                scope, _telling(lane, ticket, receive), _leaving(lane, ticket, send)
            )
        finally:
            lane.leave(ticket)


class ServerGate:
    """The gate around Serve's HTTP server, which exists before the rules are known.

    Args:
        app: Serve's own application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gate: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        scope[STARTED] = time.monotonic()
        if "headers" in scope:
            scope["headers"] = [
                header for header in scope["headers"] if header[0].lower() not in CONTROL_HEADERS
            ]
        if self._gate is None and _rules is not None:
            gate = Gate(self._app, _rules, refused=_refused)
            self._gate = Perimeter(gate, _rules.access, refused=_refused)
        await (self._gate or self._app)(scope, receive, send)


_refused: Refused = note_refusal
_rules: GateRules | None = None
"""What this process's `ServerGate` goes by; None in Serve's own proxies, which only pass on.

Serve makes the middleware by its import path and without arguments, in the process in which the
ingress was made before: a variable of the process is the only way from the one to the other.
"""


def open_gate(rules: GateRules, refused: Refused = note_refusal) -> None:
    """Have this process's server admit requests by these rules.

    Args:
        rules: What is admitted.
        refused: Told about refusals, which no application sees.
    """
    global _rules, _refused
    _rules, _refused = rules, refused


def middleware() -> list[Middleware]:
    """Called by Serve, which puts it around the HTTP server of proxies and ingress replicas."""
    return [Middleware(ServerGate)]


def _telling(lane: Lane, ticket: Ticket, receive: Receive) -> Receive:
    """``receive`` that tells the lane when the body is complete."""

    async def receive_and_tell() -> Message:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            lane.uploaded(ticket)
        return message

    return receive_and_tell


def _leaving(lane: Lane, ticket: Ticket, send: Send) -> Send:
    """``send`` that gives the place back with the answer's end.

    A client that has its answer asks again at once, before the application's tasks have returned:
    with 32 clients, 48 requests were seen to be under way.
    """

    async def leave_and_send(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            lane.leave(ticket)
        await send(message)

    return leave_and_send
