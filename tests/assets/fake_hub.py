"""A Hugging Face hub on this machine, as far as downloading a model's files goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """What the hub holds, and what was asked of it."""

    repositories: dict[str, Path] = field(default_factory=dict)
    """``owner/name`` → a directory with its files."""
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    """``owner/name`` → HTTP status and the hub's error code."""
    endpoint: str = ""
    downloads: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)


@contextmanager
def serve() -> Iterator[FakeHub]:
    """A hub that listens until the block ends."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.tokens.add(self.headers.get("Authorization"))
            parts = urlsplit(self.path).path.strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                self._api("/".join(parts[2:4]), parts[4:])
            else:
                self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def _api(self, name: str, path: list[str]) -> None:
            if name in hub.failures:
                self._fail(*hub.failures[name])
            elif name not in hub.repositories:
                self._fail(404, "RepoNotFound")
            elif len(path) > 1 and path[1] not in ("main", "v1", COMMIT):
                self._fail(404, "RevisionNotFound")
            elif path[:1] == ["tree"]:
                files = sorted(hub.repositories[name].iterdir())
                entries = [
                    {"type": "file", "path": file.name, "size": len(data), "oid": _digest(data)}
                    for file in files
                    for data in [file.read_bytes()]
                ]
                self._answer(json.dumps(entries).encode())
            else:
                self._answer(json.dumps({"id": name, "sha": COMMIT, "siblings": []}).encode())

        def _file(self, name: str, revision: str, file: str) -> None:
            path = hub.repositories[name] / file
            if not path.is_file():
                self._fail(404, "EntryNotFound")
                return
            if self.command == "GET":
                hub.downloads.append(file)
            data = path.read_bytes()
            self._answer(data, {"ETag": f'"{_digest(data)}"', "X-Repo-Commit": COMMIT})

        def _fail(self, status: int, code: str) -> None:
            self._answer(b"{}", {"X-Error-Code": code, "X-Error-Message": code}, status)

        def _answer(
            self, data: bytes, headers: dict[str, str] | None = None, status: int = 200
        ) -> None:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _digest(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
