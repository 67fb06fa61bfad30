"""What the file host does to downloads. The job is accepted and billed, and stays so."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pipeline.sim.faults.base import (
    FILES,
    PHASES,
    Attempt,
    Fault,
    FaultPhase,
    Refusal,
    Seconds,
    Share,
    Status,
)
from pipeline.sim.wire import Reply

_HOP = re.compile(r"[?&]hop=(\d+)")
_OTHER_NAME = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate(Fault):
    """A download announces its whole length and ends after `fraction` of it."""

    name: ClassVar[str] = "truncate"
    phases: ClassVar[tuple[FaultPhase, ...]] = FILES
    fraction: Share = 0.5

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, cut_at=self.fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer(Fault):
    """More comes than was announced: `fraction` of the true length is, all of the file is sent."""

    name: ClassVar[str] = "longer"
    phases: ClassVar[tuple[FaultPhase, ...]] = FILES
    fraction: Share = 0.5

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, announced=self.fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLength(Fault):
    """No length is announced; `fraction` of the file comes, and the connection ends.

    With `chunked` a whole file ends properly; otherwise nothing tells a whole one from a part.
    """

    name: ClassVar[str] = "no_length"
    phases: ClassVar[tuple[FaultPhase, ...]] = FILES
    fraction: Share = 1.0
    chunked: bool = False

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        cut_at = None if self.fraction == 1.0 else self.fraction
        return replace(reply, announced=None, chunked=self.chunked, cut_at=cut_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredLink(Refusal):
    """A link is dead before its time, `after_s` after it was given, until a poll has given a new one."""

    name: ClassVar[str] = "expired_link"
    phases: ClassVar[tuple[FaultPhase, ...]] = FILES
    status: Literal["403", "401", "404", "410"] = "403"
    after_s: Seconds = 0.0

    def answer(self, attempt: Attempt) -> Reply | None:
        if attempt.link_age_s < self.after_s:
            return None
        attempt.revoke_link()
        return attempt.voice.refused("dead-link", int(self.status))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Fault):
    """Another file of the same job than before, with its own ETag: `attempts: 2-` changes it after the first.

    `blind`: a `Range` is answered with a part of it all the same, whatever `If-Range` says.
    """

    name: ClassVar[str] = "changed"
    phases: ClassVar[tuple[FaultPhase, ...]] = FILES
    blind: bool = False

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, edition=reply.edition + 1, ranges="blind" if self.blind else reply.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeIgnored(Fault):
    """A `Range` is answered with 200 and the whole file."""

    name: ClassVar[str] = "range_ignored"
    phases: ClassVar[tuple[FaultPhase, ...]] = FILES

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, ranges="ignored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Refusal):
    """A redirect: `elsewhere`, to the same file under another name of this machine; in a `loop`; or `home`,
    to a page with 200, as gateways do with wrong addresses. Nothing is accepted."""

    name: ClassVar[str] = "redirect"
    phases: ClassVar[tuple[FaultPhase, ...]] = PHASES
    to: Literal["elsewhere", "loop", "home"] = "elsewhere"
    status: Status = 302

    def answer(self, attempt: Attempt) -> Reply | None:
        hop = _HOP.search(attempt.address)
        if hop and self.to == "elsewhere":
            return None  # it has been there
        path = _HOP.sub("", attempt.address)
        mark = f"{'&' if '?' in path else '?'}hop={int(hop[1]) + 1 if hop else 1}"
        name, colon, port = attempt.host.partition(":")
        targets = {
            "elsewhere": f"http://{_OTHER_NAME.get(name, name)}{colon}{port}{path}{mark}",
            "loop": path + mark,
            "home": "/",
        }
        return Reply(status=self.status, content_type="text/html", headers={"Location": targets[self.to]})
