"""Faults: small named pieces, each with a rate, a seed and a target, put together by a scenario.

A fault acts in one of two places: `before` the world has done anything (it may answer in its stead,
so nothing is accepted), or `after` (it may spoil the answer; what was accepted stays billed).
`FAULTS` maps the names in scenario files to the classes; a new fault is one class and one line there.

Whether one strikes depends on (seeds, place in the scenario, phase, job, attempt) and nothing else, so
neither the order of calls nor other jobs change it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from fnmatch import fnmatchcase
from typing import ClassVar, Literal

from pipeline.sim.wire import Reply

FaultPhase = Literal["submit", "poll", "download"]
PHASES: tuple[FaultPhase, ...] = ("submit", "poll", "download")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One proper request as the faults see it. `number` counts from 1 per job and phase.

    A submit has no id yet, so equal orders count as one job there: `chance_key` is its digest. A restart
    forgets the numbers, but for submits that were accepted: those are in the journal.
    """

    phase: FaultPhase
    prompt: str
    job_id: str = ""
    chance_key: str
    number: int
    now: float
    refuse: Callable[[int, str], Reply]  # status and message in the dialect's error form
    revoke_link: Callable[[], None] = lambda: None  # makes the link of this download useless


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which requests a fault is for. `job` is a shell pattern, tried on the prompt and on the id."""

    phases: frozenset[FaultPhase]
    job: str = "*"
    first: int = 1
    last: int | None = None

    def meets(self, attempt: Attempt) -> bool:
        return (
            attempt.phase in self.phases
            and attempt.number >= self.first
            and (self.last is None or attempt.number <= self.last)
            and (fnmatchcase(attempt.prompt, self.job) or fnmatchcase(attempt.job_id, self.job))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Base of all faults: strikes nobody's request in particular and changes nothing."""

    phases: ClassVar[tuple[FaultPhase, ...]] = PHASES  # where this kind makes sense
    target: Target
    rate: float = 1.0
    seed: int = 0

    def before(self, attempt: Attempt) -> Reply | None:  # noqa: ARG002 - for those that override it
        """An answer in place of the world's, or None to let the request pass."""
        return None

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        """The answer to send, given the world's."""
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany(Fault):
    """HTTP 429; `retry_after` is seconds, None for no header; `as_date` words it as an HTTP date."""

    retry_after: int | None = None
    as_date: bool = False

    def before(self, attempt: Attempt) -> Reply | None:
        reply = attempt.refuse(429, "Rate limit reached, please try again later")
        if self.retry_after is None:
            return reply
        value = str(self.retry_after)
        if self.as_date:
            value = formatdate(attempt.now + self.retry_after, usegmt=True)
        return replace(reply, headers={**reply.headers, "Retry-After": value})


class Unavailable(Fault):
    """HTTP 503 with the gateway's own JSON error."""

    __slots__ = ()

    def before(self, attempt: Attempt) -> Reply | None:
        return attempt.refuse(503, "Service temporarily unavailable, please try again later")


class ResetBefore(Fault):
    """The connection breaks before the world hears of the request: nothing is accepted or billed."""

    __slots__ = ()

    def before(self, attempt: Attempt) -> Reply | None:  # noqa: ARG002
        return Reply(drop=True)


class ResetAfter(Fault):
    """The request is dealt with, a submission is billed, and the connection breaks without an answer."""

    __slots__ = ()

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, drop=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate(Fault):
    """A download announces its whole length and ends after `fraction` of it."""

    phases: ClassVar[tuple[FaultPhase, ...]] = ("download",)
    fraction: float = 0.5

    def after(self, attempt: Attempt, reply: Reply) -> Reply:  # noqa: ARG002
        return replace(reply, cut_at=self.fraction)


class ExpiredLink(Fault):
    """A link answers 403 before its time, until a poll has given a new one."""

    phases: ClassVar[tuple[FaultPhase, ...]] = ("download",)
    __slots__ = ()

    def before(self, attempt: Attempt) -> Reply | None:
        attempt.revoke_link()
        return attempt.refuse(403, "Link has expired")


FAULTS: Mapping[str, type[Fault]] = {
    "429": TooMany,
    "503": Unavailable,
    "reset_before": ResetBefore,
    "reset_after": ResetAfter,
    "truncate": Truncate,
    "expired_link": ExpiredLink,
}


@dataclass(slots=True)
class FaultLab:
    """The faults of a scenario at work: counts attempts, and decides who is struck."""

    faults: tuple[Fault, ...]
    seed: int
    _attempts: dict[tuple[FaultPhase, str], int] = field(default_factory=dict)

    def next_number(self, phase: FaultPhase, chance_key: str, known: int = 0) -> int:
        """Count one more attempt; `known` is how many there were at least, from before a restart.

        Without faults nobody asks, and nothing is kept.
        """
        if not self.faults:
            return known + 1
        key = (phase, chance_key)
        self._attempts[key] = max(self._attempts.get(key, 0), known) + 1
        return self._attempts[key]

    def run(self, attempt: Attempt, act: Callable[[], Reply]) -> Reply:
        """Let the faults that strike this attempt have their say around `act`.

        The first answer from `before` wins and nothing else happens; spoilers apply in turn.
        """
        struck = [fault for place, fault in enumerate(self.faults) if self._strikes(place, fault, attempt)]
        for fault in struck:
            if (reply := fault.before(attempt)) is not None:
                return reply
        reply = act()
        for fault in struck:
            reply = fault.after(attempt, reply)
        return reply

    def _strikes(self, place: int, fault: Fault, attempt: Attempt) -> bool:
        if not fault.target.meets(attempt):
            return False
        text = f"{self.seed}:{fault.seed}:{place}:{attempt.phase}:{attempt.chance_key}:{attempt.number}"
        return random.Random(text).random() < fault.rate  # noqa: S311 - repeatable, no secrets
