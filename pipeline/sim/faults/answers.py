"""Answers that arrive whole and are not what they should be. A submission that gets one may be accepted."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal

from pipeline.sim.faults.base import PHASES, SUBMIT, TALK, Attempt, Count, Fault, FaultPhase, Mask, Status
from pipeline.sim.wire import Reply, html_reply

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty(Mask):
    """A success without a body."""

    name: ClassVar[str] = "empty"
    phases: ClassVar[tuple[FaultPhase, ...]] = PHASES
    status: Status = 202

    def answer(self, attempt: Attempt) -> Reply:  # noqa: ARG002
        return Reply(status=self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Mask):
    """A web page in place of an answer, by a proxy, a captive portal or a landing page."""

    name: ClassVar[str] = "page"
    status: Status = 200

    def answer(self, attempt: Attempt) -> Reply:  # noqa: ARG002
        return html_reply(self.status, "Just a moment...")


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed(Fault):
    """The body is no JSON any more: `cut` in half under its own length, in single `quotes`, with `bytes`
    that are no UTF-8, 100,000 levels `deep`, or with a number of 10,000 `digits`."""

    name: ClassVar[str] = "malformed"
    phases: ClassVar[tuple[FaultPhase, ...]] = TALK
    how: Literal["cut", "quotes", "bytes", "deep", "digits"] = "cut"

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        whole = reply.body or b"{}"
        bodies = {
            "cut": whole[: len(whole) // 2],
            "quotes": whole.replace(b'"', b"'"),
            "bytes": whole.replace(b'"', b'"\xff\xfe', 1),
            "deep": b'{"data":' * 100_000,
            "digits": b'{"progress":' + b"9" * 10_000 + b"," + whole[1:],
        }
        return replace(reply, body=bodies[self.how])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType(Fault):
    """The right body under a wrong `Content-Type`."""

    name: ClassVar[str] = "content_type"
    value: str = "text/html"

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, content_type=self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoId(Fault):
    """A submission is accepted, and the answer has no id; or the text of `instead` in its place."""

    name: ClassVar[str] = "no_id"
    phases: ClassVar[tuple[FaultPhase, ...]] = SUBMIT
    instead: str | None = None

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        return attempt.voice.with_id(reply, self.instead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endless(Fault):
    """After the body come zeros, without an announced length and without end; or until there are `mib`."""

    name: ClassVar[str] = "endless"
    mib: Count | None = None
    chunked: bool = True

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        stop_bytes = None if self.mib is None else self.mib * MIB
        return replace(reply, endless=True, chunked=self.chunked, stop_bytes=stop_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bomb(Mask):
    """A small body that unpacks to `mib` of zeros, under `Content-Encoding: gzip`."""

    name: ClassVar[str] = "bomb"
    mib: Count = 256

    def answer(self, attempt: Attempt) -> Reply:
        content_type = "video/mp4" if attempt.phase == "download" else "application/json"
        headers = {"Content-Encoding": "gzip"}
        return Reply(body=zeros_as_gzip(self.mib), content_type=content_type, headers=headers)


@lru_cache(maxsize=4)
def zeros_as_gzip(mib: int) -> bytes:
    """A gzip file of so many mebibytes of zeros: about a thousandth of them. Made once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)  # 31: the largest window, with gzip's head and tail
    zeros = bytes(MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(mib)), packer.flush()])
