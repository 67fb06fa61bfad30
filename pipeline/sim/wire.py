"""What passes between a transport and the simulator: a request as read, a reply as data.

No sockets here. The aiohttp server builds a `Request` from a connection and plays a `Reply` back;
a transport in memory can do the same. A reply also says how it is to be sent: late, in part, without end,
or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.sim.world import Job

Kind = Literal["submits", "polls", "downloads", "other"]
Topic = Literal[
    "rate", "overload", "server", "input", "credits", "key", "moderation", "unknown-id", "dead-link"
]
"""What a refusal is about; whoever answers has words of its own for each that it knows."""


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
    """What to answer. `clip` stands for the body when that is a job's video file.

    All below `clip` is how it is sent; the defaults are whole, at once, and with its true length. Seconds.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    clip: Job | None = None
    edition: int = 0  # of the clip: each is another file of the same job
    ranges: Literal["kept", "ignored", "blind"] = "kept"  # blind: a part without a look at If-Range
    wait_s: float = 0.0  # before anything else happens
    drop: bool = False  # break the connection without an answer
    hang: Literal["no", "before", "after"] = "no"  # send nothing more, from before or after the headers on
    hang_s: float | None = None  # break the connection after so long; None: never
    cut_at: float | None = None  # send this share of the body, then break the connection
    announced: float | None = 1.0  # share of the body that Content-Length states; None: there is none
    chunked: bool = False  # where there is no length: in chunks, else until the connection closes
    piece_bytes: int = 0  # send pieces of this size, with `every_s` between them; 0: as it comes
    every_s: float = 0.0
    endless: bool = False  # after the body come zeros, without end or until there are `stop_bytes`
    stop_bytes: int | None = None

    @property
    def is_silent(self) -> bool:
        """No status ever leaves."""
        return self.drop or self.hang == "before"

    @property
    def is_plain(self) -> bool:
        """Once it is due, it is sent as any server would send it."""
        odd = self.is_silent or self.hang != "no" or self.cut_at is not None or self.endless
        return not odd and self.announced == 1.0 and not self.piece_bytes


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
