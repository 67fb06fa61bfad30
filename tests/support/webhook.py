"""A webhook on this machine, for Apprise's plainest service (`json://`)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "Tk0123456789abcdefXYZ"


@contextmanager
def webhook(status: int = 200, hold: threading.Event | None = None) -> Iterator[tuple[str, list[Any]]]:
    """The URL of a webhook, and what it was told. `hold`: it answers only then."""
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if hold is not None:
                hold.wait(20)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/{TOKEN}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
