"""The gateway turns a request away, in its own form: nothing is accepted, nothing is billed.

`5xx` alone may stand before a submission that was accepted all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import ClassVar, Literal

from pipeline.sim.faults.base import SUBMIT, TALK, Attempt, FaultPhase, Mask, Refusal, Status
from pipeline.sim.wire import Reply, Topic, html_reply

NASTY = (
    "\x1b[2J\x1b]0;owned\x07\r\nerror: all is well\x00 <script>alert(1)</script>"
    " {{7*7}} [bold]markup[/bold] %s %n \u202e"
)
"""Terminal escapes, a made-up line of a log, markup of four kinds, and a turn of the writing's direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy(Refusal):
    """Come back later. `retry_after`: seconds, also absurd or negative ones, or a text that is sent as it
    stands; None: no header. `as_date` words the seconds as an HTTP date."""

    topic: ClassVar[Topic]
    status: ClassVar[int]
    retry_after: int | str | None = None
    as_date: bool = False

    def answer(self, attempt: Attempt) -> Reply:
        reply = attempt.voice.refused(self.topic, self.status)
        if self.retry_after is None:
            return reply
        value = str(self.retry_after)
        if self.as_date and isinstance(self.retry_after, int):
            value = formatdate(attempt.now + self.retry_after, usegmt=True)
        return replace(reply, headers={**reply.headers, "Retry-After": value})


class TooMany(Busy):
    """HTTP 429: a rate limit."""

    __slots__ = ()
    name: ClassVar[str] = "429"
    topic: ClassVar[Topic] = "rate"
    status: ClassVar[int] = 429


class Unavailable(Busy):
    """HTTP 503 with the gateway's own error."""

    __slots__ = ()
    name: ClassVar[str] = "503"
    topic: ClassVar[Topic] = "overload"
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError(Mask):
    """A 5xx, by the gateway (`json`) or by a proxy in front of it (`html`, `empty`)."""

    name: ClassVar[str] = "5xx"
    status: Status = 500
    body: Literal["json", "html", "empty"] = "json"
    accepted: bool = False

    def answer(self, attempt: Attempt) -> Reply:
        if self.body == "json":
            return attempt.voice.refused("server", self.status)
        return html_reply(self.status, "Bad gateway") if self.body == "html" else Reply(status=self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRequest(Refusal):
    """HTTP 500 with the code `invalid_request`: bad input that looks like a server's fault (CometAPI)."""

    name: ClassVar[str] = "invalid_request"
    phases: ClassVar[tuple[FaultPhase, ...]] = SUBMIT

    def answer(self, attempt: Attempt) -> Reply:
        return attempt.voice.refused("input", 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredits(Refusal):
    """Credits are used up, said with this status in the gateway's own words."""

    name: ClassVar[str] = "credits"
    phases: ClassVar[tuple[FaultPhase, ...]] = TALK
    status: Literal["429", "403", "400", "402"] = "429"

    def answer(self, attempt: Attempt) -> Reply:
        return attempt.voice.refused("credits", int(self.status))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked(Refusal):
    """The key is not taken any more. `status`: 401 or 403; None: the one this gateway has for a wrong key."""

    name: ClassVar[str] = "key_revoked"
    phases: ClassVar[tuple[FaultPhase, ...]] = TALK
    status: Status | None = None

    def answer(self, attempt: Attempt) -> Reply:
        return attempt.voice.refused("key", self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class NastyText(Refusal):
    """An error whose text attacks its readers: `NASTY`, then the key, then 20,000 characters."""

    name: ClassVar[str] = "nasty_text"
    phases: ClassVar[tuple[FaultPhase, ...]] = TALK
    status: Status = 503

    def answer(self, attempt: Attempt) -> Reply:
        return attempt.voice.refused("server", self.status, f"{NASTY} {attempt.voice.key()} {'A' * 20_000}")
