"""What a run would do, job by job, by a checked manifest and the ledger. Sends and writes nothing.

Looks at the ledger a page of jobs at a time; nothing here grows with the manifest but its parents.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pipeline.again import NO_ENDS, Ends
from pipeline.changes import Change, changes
from pipeline.ledger.base import Ledger, PlannedJob, Standing, Wish, Wishes
from pipeline.model import Take, TakeState
from pipeline.plan import Checked, next_page, planned_jobs
from pipeline.selection import ALL, Selection


class Outlook(StrEnum):
    """What becomes of one job."""

    NEW = "new"  # sent for the first time
    CHANGED = "changed"  # sent anew: it was asked for otherwise before
    AGAIN = "again"  # sent once more, as `--retry` asks
    WAITING = "waiting"  # planned before and not sent yet
    IN_FLIGHT = "in flight"  # paid; collected
    ASKED_AGAIN = "asked again"  # paid; asked for a fresh link
    DONE = "done"
    UNKNOWN = "unknown"
    ENDED = "ended"  # rejected, moderated, failed or expired: left as it is
    BLOCKED = "blocked"  # by its parent
    REUSED = "reused"  # another batch has its clip, which is taken over for nothing
    LEFT_OUT = "left out"  # not selected


SENT = frozenset({Outlook.NEW, Outlook.CHANGED, Outlook.AGAIN, Outlook.WAITING})
_S = TakeState
_BY_STATE = {
    **dict.fromkeys((_S.PLANNED, _S.HELD, _S.BLOCKED), Outlook.WAITING),
    **dict.fromkeys((_S.ACCEPTED, _S.READY), Outlook.IN_FLIGHT),
    **dict.fromkeys((_S.UNDELIVERED, _S.MISSING), Outlook.ASKED_AGAIN),
    **dict.fromkeys((_S.UNKNOWN, _S.SUBMITTING), Outlook.UNKNOWN),
    **dict.fromkeys((_S.REJECTED, _S.MODERATED, _S.FAILED, _S.EXPIRED), Outlook.ENDED),
    _S.DONE: Outlook.DONE,
}
_MADE = frozenset({_S.DONE, _S.MISSING})
_UNSENT = frozenset({_S.PLANNED, _S.HELD, _S.BLOCKED})
_COMING = frozenset({_S.ACCEPTED, _S.READY})
COMES_BACK = "its earlier clip comes back, for nothing"
_NO_CLIP = frozenset({Outlook.UNKNOWN, Outlook.ENDED, Outlook.BLOCKED, Outlook.LEFT_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobForecast:
    """One job's outlook and why. `price_ticks`: of what is sent; None where no price is known.

    `changes`: what it asks for otherwise than its newest older take. `remakes`: it has a clip already, and
    asks for another now.
    """

    key: str
    outlook: Outlook
    reason: str | None = None
    changes: tuple[Change, ...] = ()
    price_ticks: int | None = None
    price_source: str = ""
    tags: tuple[str, ...] = ()
    remakes: bool = False


async def forecast(
    checked: Checked,
    ledger: Ledger | None,
    selection: Selection = ALL,
    again: Ends = NO_ENDS,
    *,
    wishes: Wishes | None = None,
    granted: Wishes | None = None,
) -> AsyncGenerator[JobForecast, None]:
    """Every job, parents before their children. `ledger`: None where nothing was run yet.

    `wishes`: told of every job. `granted`: whose job gets a clip of another batch.
    """
    rows = planned_jobs(checked, selection)
    foresight = _Foresight(checked, ledger, again, wishes, granted)
    while page := next_page(rows):
        for job in await foresight.of(page):
            yield job


@dataclass(slots=True)
class _Foresight:
    """What is known while pages pass: the outlook of each job that others start from."""

    checked: Checked
    ledger: Ledger | None
    again: Ends
    wishes: Wishes | None
    granted: Wishes | None
    parents: dict[str, Outlook] = field(default_factory=dict)

    async def of(self, page: Sequence[PlannedJob]) -> list[JobForecast]:
        keys = [row.job.key for row in page]
        known = {} if self.ledger is None else await self.ledger.standings(keys)
        granted = {} if self.granted is None else await self.granted.granted(keys)
        lives = [_Life(row, known.get(row.job.key, ()), granted.get(row.job.key)) for row in page]
        if self.wishes is not None:
            await self.wishes.add([life.wish for life in lives])
        found = [self._one(life) for life in lives]
        older = {
            life.older[-1].id: number
            for number, (life, job) in enumerate(zip(lives, found, strict=True))
            if job.outlook is Outlook.CHANGED
        }
        if older and self.ledger is not None:
            for take in await self.ledger.takes_by_id(list(older)):
                number = older[take.id]
                found[number] = self._explained(found[number], page[number], take)
        return found

    def _one(self, life: _Life) -> JobForecast:
        job, chains = life.row.job, self.checked.chains
        outlook, reason = life.outlook(self.again)
        parent = self.parents.get(job.parent_key or "")
        if outlook in SENT and parent in _NO_CLIP:
            outlook, reason = Outlook.BLOCKED, f"its parent {job.parent_key!r} is {parent}"
        if job.key in chains.parents:
            self.parents[job.key] = outlook
        sent, estimate = outlook in SENT, life.row.estimate
        return JobForecast(
            key=job.key,
            outlook=outlook,
            reason=reason,
            price_ticks=estimate.ticks if sent and estimate is not None else None,
            price_source=self.checked.pricing.source(job) if sent else "",
            tags=job.tags,
            remakes=outlook is Outlook.CHANGED and any(take.state in _MADE for take in life.takes),
        )

    def _explained(self, job: JobForecast, row: PlannedJob, older: Take) -> JobForecast:
        """With what changed, field by field, where the record tells."""
        found = changes(older, row.job, self.checked.provider.name, row.parent_fingerprint)
        if not found:
            return replace(job, reason=f"asks for something else than before ({job.reason})")
        return replace(job, changes=found, reason="; ".join([*(one.text for one in found), job.reason or ""]))


@dataclass(slots=True)
class _Life:
    """One job of the manifest, its takes on record, and the clip of another batch that it gets."""

    row: PlannedJob
    takes: Sequence[Standing]
    source: str | None = None

    @property
    def wish(self) -> Wish:
        row, takes = self.row, self.takes
        return Wish(
            row.job.key,
            row.fingerprint,
            row.position,
            on_record=bool(takes),
            unsent=row.selected and (not takes or all(take.state in _UNSENT for take in takes)),
            open=row.selected and (not takes or _is_first(self.same)),
        )

    @property
    def same(self) -> Standing | None:
        """The newest take of what is asked now."""
        print_ = self.row.fingerprint
        same = (take for take in self.takes if take.fingerprint == print_)
        return max(same, key=lambda take: take.number, default=None)

    @property
    def older(self) -> list[Standing]:
        """Takes of what was asked before, as far as they were sent."""
        print_ = self.row.fingerprint
        return [take for take in self.takes if take.fingerprint != print_ and take.state not in _UNSENT]

    def outlook(self, again: Ends) -> tuple[Outlook, str | None]:
        if self.source is not None:
            return Outlook.REUSED, f"the clip of {self.source} is taken over, for nothing"
        if not self.takes:
            return (Outlook.NEW, None) if self.row.selected else (Outlook.LEFT_OUT, None)
        newest, older = self.same, self.older
        if older and _is_first(newest):
            outlook, reason = Outlook.CHANGED, _past(older)
        elif newest is None:
            outlook, reason = Outlook.NEW, None
        else:
            outlook, reason = _by_newest(newest, again if self.row.selected else NO_ENDS)
            if any(take.state in _COMING for take in older):
                reason = "; ".join(filter(None, [reason, _STILL_COMING]))
        if outlook in SENT and not self.row.selected:
            return Outlook.LEFT_OUT, None
        return outlook, reason


def _is_first(newest: Standing | None) -> bool:
    """Whether nothing was sent yet for what is asked now. It may be on record: by a run that refused to."""
    return newest is None or (newest.number == 1 and newest.state in _UNSENT)


def _by_newest(newest: Standing, again: Ends) -> tuple[Outlook, str | None]:
    if newest.state in again:
        return Outlook.AGAIN, f"{newest.state}: {newest.reason}"
    outlook = _BY_STATE[newest.state]
    if outlook is Outlook.ENDED:
        return outlook, f"{newest.state}: {newest.reason}"
    if outlook is Outlook.DONE:
        return outlook, None if newest.bears_name else COMES_BACK
    return outlook, None if outlook is Outlook.WAITING else newest.reason


_STILL_COMING = "the older take is still in flight, and is collected"


def _past(older: Sequence[Standing]) -> str:
    """What there was: `the older clip is kept`, or how the older take stands."""
    states = {take.state for take in older}
    told = ["the older clip is kept"] if TakeState.DONE in states else []
    told += [_STILL_COMING] if states & _COMING else []
    if not told:
        told = ["the older take is " + ", ".join(sorted(state.value for state in states))]
    return "; ".join(told)
