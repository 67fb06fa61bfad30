"""A server that is no gateway. What it answers is chosen by the prefix of the base URL."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PAGE = b"<!DOCTYPE html><html><title>Welcome</title><h1>It works!</h1></html>"
ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "page": (200, "text/html", PAGE),
    "no-such-page": (404, "text/html", PAGE),
    "bad-gateway": (502, "text/html", PAGE),
    "moved": (301, "text/html", PAGE),
    "no-id": (200, "application/json", b'{"status": "queued"}'),
    "no-json": (200, "application/json", b'{"request_id": "cut of'),
    "nothing": (200, "application/json", b""),
    "no-credits": (402, "application/json", b'{"error": {"message": "Insufficient credits", "code": ""}}'),
}


class _Strange(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, body = ANSWERS[self.path.split("/")[1]]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 301:
            self.send_header("Location", "https://www.example.com/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""


@contextmanager
def strange_gateway() -> Iterator[str]:
    """Its address, while it serves."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Strange) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
