"""What a run would do, job by job, by a checked manifest and the ledger. Sends and writes nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum

from pipeline.again import NO_ENDS, Ends
from pipeline.ledger.base import Ledger
from pipeline.model import Take, TakeState
from pipeline.plan import Checked, planned_jobs
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
_NO_CLIP = frozenset({Outlook.UNKNOWN, Outlook.ENDED, Outlook.BLOCKED, Outlook.LEFT_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobForecast:
    """One job's outlook and why. `price_ticks`: of what is sent; None where no price is known.

    `remakes`: it has a clip already, and asks for another now.
    """

    key: str
    outlook: Outlook
    reason: str | None = None
    price_ticks: int | None = None
    price_source: str = ""
    tags: tuple[str, ...] = ()
    remakes: bool = False


async def forecast(
    checked: Checked, ledger: Ledger | None, selection: Selection = ALL, again: Ends = NO_ENDS
) -> AsyncGenerator[JobForecast, None]:
    """Every job, parents before their children. `ledger`: None where nothing was run yet."""
    parents: dict[str, Outlook] = {}
    for row in planned_jobs(checked, selection):
        job = row.job
        takes = [] if ledger is None else await ledger.takes_of(job.key)
        outlook, reason = _outlook(takes, row.fingerprint, row.selected, again)
        parent = parents.get(job.parent_key or "")
        if outlook in SENT and parent in _NO_CLIP:
            outlook, reason = Outlook.BLOCKED, f"its parent {job.parent_key!r} is {parent}"
        if job.key in checked.chains.parents:
            parents[job.key] = outlook
        sent = outlook in SENT
        yield JobForecast(
            key=job.key,
            outlook=outlook,
            reason=reason,
            price_ticks=row.estimate.ticks if sent and row.estimate is not None else None,
            price_source=checked.pricing.source(job) if sent else "",
            tags=job.tags,
            remakes=outlook is Outlook.CHANGED and any(take.state in _MADE for take in takes),
        )


def _outlook(takes: list[Take], fingerprint: str, selected: bool, again: Ends) -> tuple[Outlook, str | None]:
    same = [take for take in takes if take.fingerprint == fingerprint]
    newest = max(same, key=lambda take: take.number, default=None)
    past = [take for take in takes if take.fingerprint != fingerprint]
    before = [take for take in past if take.state is not TakeState.PLANNED]
    if before and _is_first(newest):
        outlook, reason = Outlook.CHANGED, f"asks for something else than before ({_past(before)})"
    elif newest is None:
        outlook, reason = Outlook.NEW, None
    else:
        outlook, reason = _by_newest(newest, again if selected else NO_ENDS)
    if outlook in SENT and not selected:
        return Outlook.LEFT_OUT, None
    return outlook, reason


def _is_first(newest: Take | None) -> bool:
    """Whether nothing was sent yet for what is asked now. It may be on record: by a run that refused to."""
    return newest is None or (newest.number == 1 and _BY_STATE[newest.state] is Outlook.WAITING)


def _by_newest(newest: Take, again: Ends) -> tuple[Outlook, str | None]:
    if newest.state in again:
        return Outlook.AGAIN, f"{newest.state}: {newest.reason}"
    outlook = _BY_STATE[newest.state]
    if outlook is Outlook.ENDED:
        return outlook, f"{newest.state}: {newest.reason}"
    return outlook, None if outlook is Outlook.WAITING else newest.reason


def _past(takes: list[Take]) -> str:
    """What there was: `an older clip is kept`, or how the older take stands."""
    states = {take.state for take in takes}
    if TakeState.DONE in states:
        return "the older clip is kept"
    return "the older take is " + ", ".join(sorted(state.value for state in states))
