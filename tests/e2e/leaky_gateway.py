"""A gateway that repeats the key wherever an answer has room for it, and a file host that keeps all it hears.

It speaks all three dialects: they share the names of fields, and a prompt says which part is to be played.
The key is the one that came with the request; no file is served to whoever brings it along.
"""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

STATES = {
    "plain": "done",
    "elsewhere": "done",
    "busy": "done",
    "word": "done",
    "type": "done",
    "garbage-poll": "done",
    "garbage-file": "done",
    "tag": "done",
    "refused": "rejected",
    "cut": "rejected",
    "failed": "failed",
    "link": "undelivered",
    "link-percent": "undelivered",
    "link-base64": "undelivered",
    "redirect": "undelivered",
    "encoding": "undelivered",
}
"""Every part, and the state that its job ends in."""
BY_ID = "id"
"""The part whose remote id is the key: nothing more is bought after it, so it is played alone."""


def spellings(key: str) -> dict[str, str]:
    """The key in every form that is looked for. The first of them would do for a person."""
    every = [ord(char) for char in key]
    return {
        "plain": key,
        "percent": quote(key, safe=""),
        "all percent": "".join(f"%{number:02x}" for number in every),
        "JSON": "".join(f"\\u{number:04x}" for number in every),
        "HTML": "".join(f"&#{number};" for number in every),
        "base64": base64.b64encode(key.encode()).decode(),
        "hex": key.encode().hex(),
    }


@dataclass
class Leaky:
    """Both servers: what they serve, and what the file host heard."""

    clip: bytes
    gateway: str = ""
    files: str = ""
    key: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    heard: list[bytes] = field(default_factory=list)

    def first(self, what: str) -> bool:
        self.asked[what] += 1
        return self.asked[what] == 1

    def link(self, part: str) -> str:
        links = {
            "elsewhere": f"{self.files}/elsewhere",
            "link": f"{self.files}/clip?token={self.key}",
            "link-percent": f"{self.files}/{spellings(self.key)['all percent']}/clip",
            "link-base64": f"{self.files}/clip?b={spellings(self.key)['base64']}",
        }
        own = {
            name: f"{self.gateway}/files/{name}" for name in ("redirect", "encoding", "garbage-file", "tag")
        }
        return (links | own).get(part, f"{self.files}/clip")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def leaky(self) -> Leaky:
        found: Leaky = self.server.leaky  # type: ignore[attr-defined]
        return found

    def answer(self, status: int, body: bytes, cut_at: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[:cut_at])
        self.close_connection = self.close_connection or cut_at is not None

    def garble(self) -> None:
        self.wfile.write(f"{self.leaky.key} {self.leaky.key}\r\n\r\n".encode())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""


class _Files(_Handler):
    """Another origin than the gateway's: it must hear nothing of the key."""

    def do_GET(self) -> None:
        self.leaky.heard.append(self.raw_requestline + bytes(self.headers))
        if self.path == "/elsewhere":
            port = self.server.server_address[1]
            return self.answer(302, b"", Location=f"http://localhost:{port}/clip")
        return self.answer(200, self.leaky.clip, Content_Type="video/mp4")


class _Gateway(_Handler):
    def tell(self, status: int, fields: dict[str, Any], **headers: str) -> None:
        headers = {"Content_Type": "application/json", **headers}
        self.answer(status, json.dumps(fields).encode(), **headers)

    def refuse(self, status: int, message: str, **headers: str) -> None:
        self.tell(status, {"error": {"message": message, "code": "bad", "type": "bad"}}, **headers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        part, leaky = body["prompt"], self.leaky
        leaky.key = key = self.headers["Authorization"].removeprefix("Bearer ")
        said = f"unsupported duration {' '.join(spellings(key).values())}"
        if part == "refused":
            self.refuse(400, said)
        elif part == "cut":  # so that a limit of 4,000 characters ends within the key
            self.refuse(400, f"unsupported duration {key} ".ljust(3990 - 40 * len(key)) + key * 200)
        elif part == "busy" and leaky.first(part):
            self.refuse(429, said, Retry_After=f"1; {key}", X_Key=key)
        else:
            name = key if part == BY_ID else part
            self.tell(200, {"request_id": name, "id": name, "task_id": name, "status": "queued"})

    def do_GET(self) -> None:
        part = self.path.rpartition("/")[2]
        play: Callable[[str], None] = self.file if self.path.startswith("/files/") else self.poll
        play(part)

    def poll(self, part: str) -> None:
        leaky, first = self.leaky, self.leaky.first(f"poll {part}")
        forms = spellings(leaky.key)
        if part not in STATES:
            return self.refuse(404, f"no such job for {' '.join(forms.values())}")
        if part == "word" and first:
            return self.tell(200, {"status": leaky.key[:59], "progress": 3})
        if part == "garbage-poll" and first:
            return self.garble()
        if part == "failed":
            return self.tell(200, {"status": "failed", "error": {"message": " ".join(forms.values())}})
        kind = f"application/json; key={leaky.key}" if part == "type" else "application/json"
        done = {"status": "done", "video": {"url": leaky.link(part), "duration": 1}}
        return self.tell(200, done, Content_Type=kind)

    def file(self, part: str) -> None:
        leaky, first = self.leaky, self.leaky.first(f"file {part}")
        assert "Authorization" not in self.headers
        if part == "redirect":
            return self.answer(302, b"", Location=f"{leaky.files}/clip?token={leaky.key}")
        if part == "encoding":
            return self.answer(200, leaky.clip, Content_Encoding=leaky.key)
        if part == "garbage-file" and first:
            return self.garble()
        cut_at = len(leaky.clip) // 2 if part == "tag" and first else None
        return self.answer(200, leaky.clip, cut_at, ETag=f'"{leaky.key}"')


@contextmanager
def leaky_gateway(clip: bytes) -> Iterator[Leaky]:
    """Both of them, while they serve."""
    leaky = Leaky(clip=clip)
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) for kind in (_Gateway, _Files)]
    leaky.gateway, leaky.files = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.leaky = leaky  # type: ignore[attr-defined]
        thread.start()
    try:
        yield leaky
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
