"""Connections that are slow, silent, or break; for every phase, whatever is said over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pipeline.sim.faults.base import TALK, Attempt, Count, Fault, FaultPhase, Mask, Refusal, Seconds, Share
from pipeline.sim.wire import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Fault):
    """The answer is right and comes `wait_s` late; the world acts at once."""

    name: ClassVar[str] = "slow"
    wait_s: Seconds = 2.0

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, wait_s=reply.wait_s + self.wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hung(Mask):
    """The connection stays open and nothing comes, with `headers` nothing behind the head of the answer.

    After `for_s` it is reset; None: it stays so until the client leaves or the simulator closes.
    """

    name: ClassVar[str] = "hung"
    headers: bool = False
    for_s: Seconds | None = None

    def answer(self, attempt: Attempt) -> Reply:  # noqa: ARG002
        return self._silenced(Reply())

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return self._silenced(reply)

    def _silenced(self, reply: Reply) -> Reply:
        if not self.headers:
            return replace(reply, hang="before", hang_s=self.for_s)
        # In chunks, so that an answer without a body has not come to its end with its headers either.
        return replace(reply, hang="after", hang_s=self.for_s, announced=None, chunked=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetBefore(Refusal):
    """The connection breaks before the world hears of the request: nothing is accepted or billed."""

    name: ClassVar[str] = "reset_before"

    def answer(self, attempt: Attempt) -> Reply:  # noqa: ARG002
        return Reply(drop=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetAfter(Fault):
    """The request is dealt with, a submission is billed, and the connection breaks without an answer."""

    name: ClassVar[str] = "reset_after"

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, drop=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAnswer(Fault):
    """An answer announces its whole length and ends after `fraction` of it."""

    name: ClassVar[str] = "cut_answer"
    phases: ClassVar[tuple[FaultPhase, ...]] = TALK
    fraction: Share = 0.5

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, cut_at=self.fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle(Fault):
    """The body comes in pieces of `piece_bytes`, `every_s` apart: slow, but never silent for long."""

    name: ClassVar[str] = "trickle"
    piece_bytes: Count = 16
    every_s: Seconds = 0.1

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, piece_bytes=max(1, self.piece_bytes), every_s=self.every_s)
