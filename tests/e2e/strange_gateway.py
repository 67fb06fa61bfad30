"""Servers that are no gateways. What the strange one answers is chosen by the prefix of the base URL."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

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


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers that do not end up among what the tests say."""

    protocol_version = "HTTP/1.1"

    def give(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""


class _Strange(Quiet):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, body = ANSWERS[self.path.split("/")[1]]
        self.give(status, kind, body, **({"Location": "https://www.example.com/"} if status == 301 else {}))


@contextmanager
def served(answers: type[Quiet]) -> Iterator[str]:
    """The address of a server, while it serves."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def strange_gateway() -> AbstractContextManager[str]:
    return served(_Strange)
