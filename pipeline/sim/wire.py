"""What passes between a transport and the simulator: a request as read, a reply as data.

No sockets here. The aiohttp server builds a `Request` from a connection and plays a `Reply` back;
a transport in memory can do the same. A reply may also say that the connection is to be broken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.sim.world import Job

Kind = Literal["submits", "polls", "downloads", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, completely read. Header names are lower case, or the mapping ignores case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def host(self) -> str:
        """The address the caller used, so that links lead back to it."""
        return self.headers.get("host", "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer. `clip` stands for the body when that is a job's video file."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    clip: Job | None = None
    drop: bool = False  # break the connection without an answer
    cut_at: float | None = None  # send this share of the body, then break the connection


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with a JSON body; in ASCII, since a prompt may hold half a surrogate pair."""
    text = json.dumps(value, separators=(",", ":"))
    return Reply(status=status, body=text.encode(), headers=headers or {})


def html_reply(status: int, title: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A page for people: what a wrong path gets instead of JSON."""
    page = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Reply(
        status=status, body=page.encode(), content_type="text/html; charset=utf-8", headers=headers or {}
    )
