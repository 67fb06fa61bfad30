"""What polls say about a job: wrong words, wrong ends, an id that is not known. Jobs are accepted and billed.

The ends (`moderated`, `failed`, `expired`, `no_url`) are told once the job has ended in the world; with these
and with `stuck` and `lost_id`, `rate` is the share of jobs, each of which is struck always or never.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from pipeline.sim.faults.base import (
    POLL,
    SUBMIT,
    Attempt,
    Count,
    Fault,
    FaultPhase,
    Refusal,
    Seconds,
    Status,
    instead,
)
from pipeline.sim.wire import Reply
from pipeline.sim.world import Outcome, View

ModerationForm = Literal["400", "failed", "flag", "blocked"]
_OUTCOMES: dict[str, Outcome] = {
    "400": "moderated:400",
    "failed": "moderated:failed",
    "flag": "moderated:flag",
    "blocked": "moderated:blocked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyId(Refusal):
    """A fresh id is not known yet, for `within_s` after its acceptance."""

    name: ClassVar[str] = "early_id"
    phases: ClassVar[tuple[FaultPhase, ...]] = POLL
    status: Literal["404", "400"] = "404"
    within_s: Seconds = 5.0

    def answer(self, attempt: Attempt) -> Reply | None:
        fresh = attempt.age_s < self.within_s
        return attempt.voice.refused("unknown-id", int(self.status)) if fresh else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostId(Refusal):
    """The gateway does not know the id any more; with `rate` 1 none of them, as after a move to another
    address. The job stays billed."""

    name: ClassVar[str] = "lost_id"
    phases: ClassVar[tuple[FaultPhase, ...]] = POLL
    per_job: ClassVar[bool] = True
    status: Status = 404

    def answer(self, attempt: Attempt) -> Reply:
        return attempt.voice.refused("unknown-id", self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWord(Fault):
    """Another status word than the one that is meant; None: none at all."""

    name: ClassVar[str] = "status_word"
    phases: ClassVar[tuple[FaultPhase, ...]] = POLL
    word: str | None = None

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        return attempt.voice.with_status(reply, self.word) if reply.status < 300 else reply


def told(attempt: Attempt, reply: Reply, outcome: Outcome) -> Reply:
    """The answer for a job that ended so; the one there is, while the job goes on."""
    if not attempt.polls_since_end:
        return reply
    return instead(reply, attempt.voice.told(View("ended", 100, outcome)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Fault):
    """Base of faults that tell another end than the job has."""

    phases: ClassVar[tuple[FaultPhase, ...]] = POLL
    per_job: ClassVar[bool] = True
    outcome: ClassVar[Outcome]

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        return told(attempt, reply, self.outcome)


class Failed(Told):
    """The gateway says that the job failed."""

    __slots__ = ()
    name: ClassVar[str] = "failed"
    outcome: ClassVar[Outcome] = "failed"


class Expired(Told):
    """The gateway says that the job took too long, in its word for that."""

    __slots__ = ()
    name: ClassVar[str] = "expired"
    outcome: ClassVar[Outcome] = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoUrl(Told):
    """Done without a link: at the first `times` polls after the end, None: always."""

    name: ClassVar[str] = "no_url"
    outcome: ClassVar[Outcome] = "no-url"
    times: Count | None = None

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        spoilt = Told.after(self, attempt, reply)
        return reply if self.times is not None and attempt.polls_since_end > self.times else spoilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderated(Fault):
    """Moderation: of the prompt, before anything is accepted (phase `submit`: HTTP 400), or of the clip, told
    in one of four forms (phase `poll`); `any`: one of them for each job."""

    name: ClassVar[str] = "moderated"
    phases: ClassVar[tuple[FaultPhase, ...]] = (*SUBMIT, *POLL)
    per_job: ClassVar[bool] = True
    form: Literal["any", "400", "failed", "flag", "blocked"] = "any"

    @property
    def accepts(self) -> bool:
        return "submit" not in self.target.phases

    def before(self, attempt: Attempt) -> Reply | None:
        return attempt.voice.refused("moderation", 400) if attempt.phase == "submit" else None

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        forms = get_args(ModerationForm) if self.form == "any" else (self.form,)
        form = random.Random(attempt.chance_key).choice(forms)  # noqa: S311 - repeatable, no secrets
        return told(attempt, reply, _OUTCOMES[form])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck(Fault):
    """The job renders for ever."""

    name: ClassVar[str] = "stuck"
    phases: ClassVar[tuple[FaultPhase, ...]] = POLL
    per_job: ClassVar[bool] = True

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        rendering = attempt.voice.told(View("rendering", 99, "done"))
        return instead(reply, rendering) if attempt.polls_since_end else reply


@dataclass(frozen=True, slots=True, kw_only=True)
class OddLink(Fault):
    """Done, with a link that leads where no clip is: another scheme, another machine, no address at all."""

    name: ClassVar[str] = "odd_link"
    phases: ClassVar[tuple[FaultPhase, ...]] = POLL
    link: str = "file:///etc/passwd"

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        view = attempt.voice.view
        done = view is not None and view.phase == "ended" and view.outcome == "done"
        return instead(reply, attempt.voice.told(view, self.link)) if view is not None and done else reply
