"""A model hub on loopback: serves directories as repositories, by the hub's own HTTP interface.

What runs against it is the real ``huggingface_hub``; only the address differs.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

COMMIT = "c0ffee" + "0" * 34


@dataclass
class FakeHub:
    """Repositories by name; used as a context manager."""

    repositories: Mapping[str, Path]
    gated: frozenset[str] = frozenset()
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self, with_body=True)

            def do_HEAD(self) -> None:
                hub.answer(self, with_body=False)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                hub.requests.append(self.path)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = request.path.split("?")[0].strip("/")
        api = path.startswith("api/models/")
        parts = path.removeprefix("api/models/").split("/")
        name = "/".join(parts[:2])
        if name in self.gated:
            _send(request, HTTPStatus.FORBIDDEN, b"", {"X-Error-Code": "GatedRepo"})
        elif name not in self.repositories:
            _send(request, HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": "RepoNotFound"})
        elif api and "tree" in parts:
            self._tree(request, self.repositories[name])
        elif api:
            self._repository(request, name)
        else:
            self._file(request, self.repositories[name] / parts[-1], with_body=with_body)

    def _repository(self, request: BaseHTTPRequestHandler, name: str) -> None:
        files = sorted(path.name for path in self.repositories[name].iterdir())
        body = {
            "id": name,
            "sha": COMMIT,
            "siblings": [{"rfilename": file} for file in files],
            "private": False,
            "tags": [],
        }
        _send(request, HTTPStatus.OK, json.dumps(body).encode(), {"X-Repo-Commit": COMMIT})

    def _tree(self, request: BaseHTTPRequestHandler, directory: Path) -> None:
        body = [
            {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": path.name}
            for path in sorted(directory.iterdir())
        ]
        _send(request, HTTPStatus.OK, json.dumps(body).encode(), {"X-Repo-Commit": COMMIT})

    def _file(self, request: BaseHTTPRequestHandler, file: Path, *, with_body: bool) -> None:
        if not file.is_file():
            _send(request, HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": "EntryNotFound"})
            return
        data = file.read_bytes()
        headers = {
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        _send(request, HTTPStatus.OK, data, headers, with_body=with_body)


def _send(
    request: BaseHTTPRequestHandler,
    status: HTTPStatus,
    body: bytes,
    headers: Mapping[str, str],
    *,
    with_body: bool = True,
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if with_body:
        request.wfile.write(body)
