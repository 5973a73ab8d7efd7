"""Stands in for an ingress replica behind a real HAProxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class DoneHandler(BaseHTTPRequestHandler):
    """Answers "done" when `wait` returns."""

    def wait(self) -> None:
        """May read the request and hold its answer back."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.wait()
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def serving(server: ThreadingHTTPServer, released: threading.Event) -> Iterator[int]:
    """Serve meanwhile; gives the port.

    Args:
        server: Is closed at the end.
        released: What handlers may still wait for then; is set.
    """
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        released.set()
        server.shutdown()
        thread.join()
