"""What a fault is: a small named piece with a rate, a seed and a target.

It acts in one of two places: `before` the world has done anything (it answers in its stead, so nothing is
accepted), or `after` (it spoils the answer; what was accepted stays billed). Whether a submission that it
strikes is accepted is `accepts`. What is to be said it leaves to the voice of whoever answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal, Protocol

from pipeline.sim.values import Limits
from pipeline.sim.wire import Reply, Topic
from pipeline.sim.world import View

FaultPhase = Literal["submit", "poll", "download"]
PHASES: tuple[FaultPhase, ...] = ("submit", "poll", "download")
TALK: tuple[FaultPhase, ...] = ("submit", "poll")  # with the gateway itself
POLL: tuple[FaultPhase, ...] = ("poll",)
SUBMIT: tuple[FaultPhase, ...] = ("submit",)
FILES: tuple[FaultPhase, ...] = ("download",)

Share = Annotated[float, Limits(0, 1)]
Seconds = Annotated[float, Limits(0)]
Status = Annotated[int, Limits(200, 599)]
Count = Annotated[int, Limits(0)]


class Voice(Protocol):
    """Whoever answers, a gateway or the file host, and what faults have it say in its own form."""

    @property
    def view(self) -> View | None:
        """How the job of this attempt stands."""

    def refused(self, topic: Topic, status: int | None = None, text: str = "") -> Reply:
        """A refusal about this topic; in these words, where there are any. No status: the usual one."""

    def told(self, view: View, link: str | None = None) -> Reply:
        """The answer to a poll of a job that stands so; `link`: another one than its own."""

    def with_status(self, reply: Reply, word: str | None) -> Reply:
        """The same answer with another status word, or without one."""

    def with_id(self, reply: Reply, job_id: str | None) -> Reply:
        """The same answer to a submission with another id, or without one."""

    def key(self) -> str:
        """The key that the request showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One proper request as the faults see it. `number` counts from 1 per job and phase. Times in seconds.

    A submit has no id yet, so equal orders count as one job there: `chance_key` is its digest. A restart
    forgets the numbers, but for submits that were accepted: those are in the journal. `accepted` and
    `since_s` are those of the gateway it is for.
    """

    phase: FaultPhase
    prompt: str
    job_id: str = ""
    chance_key: str
    number: int
    now: float
    accepted: int  # jobs that this gateway has accepted
    since_s: float  # since its first request, or after a restart its first acceptance
    age_s: float = 0.0  # of the job, since its acceptance
    polls_since_end: int = 0  # with this one; 0 while the job goes on
    link_age_s: float = 0.0
    host: str = ""  # name and port, as the client wrote them
    address: str = ""  # path and query
    voice: Voice
    revoke_link: Callable[[], None] = lambda: None  # makes the link of this download useless


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which requests a fault is for. `job` is a shell pattern, tried on the prompt and on the id."""

    phases: frozenset[FaultPhase]
    job: str = "*"
    first: int = 1
    last: int | None = None
    after: int = 0  # only once the gateway has accepted so many jobs
    from_s: float = 0.0  # only so long after its first request
    to_s: float | None = None  # and no longer than so long after it

    def meets(self, attempt: Attempt) -> bool:
        return (
            attempt.phase in self.phases
            and attempt.number >= self.first
            and (self.last is None or attempt.number <= self.last)
            and attempt.accepted >= self.after
            and attempt.since_s >= self.from_s
            and (self.to_s is None or attempt.since_s < self.to_s)
            and (fnmatchcase(attempt.prompt, self.job) or fnmatchcase(attempt.job_id, self.job))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Base of all faults: strikes nobody's request in particular and changes nothing."""

    name: ClassVar[str]
    phases: ClassVar[tuple[FaultPhase, ...]] = PHASES  # where this kind makes sense
    per_job: ClassVar[bool] = False  # a job is struck at all its attempts or at none
    target: Target
    rate: Share = 1.0
    seed: int = 0

    @property
    def accepts(self) -> bool:
        """Whether a submission that it strikes is accepted and billed."""
        return True

    def before(self, attempt: Attempt) -> Reply | None:  # noqa: ARG002 - for those that override it
        """An answer in place of the world's, or None to let the request pass."""
        return None

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        """The answer to send, given the world's."""
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Fault):
    """Base of faults that answer in the world's stead: nothing is accepted or billed."""

    @property
    def accepts(self) -> bool:
        return False

    def answer(self, attempt: Attempt) -> Reply | None:
        """What to say, or None where there is nothing to refuse."""
        raise NotImplementedError

    def before(self, attempt: Attempt) -> Reply | None:
        return self.answer(attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask(Fault):
    """Base of faults with an answer of their own, behind which a submission may be `accepted` or not."""

    accepted: bool = True

    @property
    def accepts(self) -> bool:
        return self.accepted

    def answer(self, attempt: Attempt) -> Reply:
        raise NotImplementedError

    def before(self, attempt: Attempt) -> Reply | None:
        return None if self.accepted else self.answer(attempt)

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        return instead(reply, self.answer(attempt))


def instead(reply: Reply, answer: Reply) -> Reply:
    """Another answer, sent in the way that was meant for this one: what other faults did to that stays."""
    return replace(
        reply,
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers=answer.headers,
        clip=answer.clip,
    )
