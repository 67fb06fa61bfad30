"""What a person decides: what became of an unknown take, which clip is made anew, what a job is called.

Sends nothing. Each decision is taken under the batch's lock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

from pipeline import renames
from pipeline.clock import LoopClock
from pipeline.errors import UsageError
from pipeline.events import Listener
from pipeline.ledger.base import Ledger
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.logs import JsonLog
from pipeline.manifest.rules import check_key
from pipeline.manifest.wording import did_you_mean, near_key
from pipeline.model import Take, TakeState
from pipeline.offload import Inline
from pipeline.opening import LOG_NAME, open_ledger
from pipeline.renames import finish_renames
from pipeline.storage.base import Storage
from pipeline.storage.local import LocalStorage
from pipeline.storage.lock import batch_lock

_S = TakeState
_UNSENT_STATES = frozenset({_S.PLANNED, _S.HELD, _S.BLOCKED})
_UNSENT = "is not sent yet: the next run sends it anyway"
_COMING = "is on its way and paid for: run again to collect it, then say whether you like it"
NOT_REDONE = {
    **dict.fromkeys((_S.PLANNED, _S.HELD, _S.BLOCKED), _UNSENT),
    **dict.fromkeys((_S.ACCEPTED, _S.READY), _COMING),
    _S.SUBMITTING: "was being sent when a run died: run again first",
    _S.UNKNOWN: "is perhaps paid for: settle it with `nightreel resolve` first",
}
"""Why another take of a job is not wanted yet, by the state of its newest one."""


@asynccontextmanager
async def _deciding(folder: Path) -> AsyncIterator[SqliteLedger]:
    with batch_lock(folder):
        async with open_ledger(folder) as ledger:
            yield ledger


# --- another take


async def redo(folder: Path, job_keys: Sequence[str]) -> list[Take]:
    """Plan another take of each job, for the next run to send: all of them, or none. Raises UsageError.

    What there is stays as it is; a clip moves to superseded/ only when the new one takes its name.
    """
    async with _deciding(folder) as ledger:
        found = [await _to_redo(ledger, key) for key in dict.fromkeys(job_keys)]
        return await ledger.take_again(found)


async def _to_redo(ledger: SqliteLedger, key: str) -> Take:
    takes = await ledger.takes_of(key)
    if not takes:
        keys = [known async for known in ledger.job_keys()]
        raise UsageError(f"no job {key!r} in this batch{did_you_mean(key, keys)}")
    newest = next((take for take in takes if take.wanted), None)
    if newest is None:
        raise UsageError(f"job {key!r} is not in the manifest that was run last: put it back and run that")
    if newest.state in NOT_REDONE:
        raise UsageError(f"job {key!r} {NOT_REDONE[newest.state]}")
    return newest


# --- another key


async def rename(folder: Path, old: str, new: str) -> int:
    """Give a job another key, with all its takes and files; how many takes it has is returned.

    Finishes first what an earlier call began. Said once more when all is done, it changes nothing. Raises
    UsageError.
    """
    if old == new:
        raise UsageError(f"{old!r} is its name already")
    try:
        check_key(new)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
    async with _deciding(folder) as ledger:
        with closing(JsonLog(folder / LOG_NAME, None, LoopClock().wall)) as log:
            return await renamed(ledger, LocalStorage(folder), log, old, new)


async def renamed(ledger: Ledger, storage: Storage, tell: Listener, old: str, new: str) -> int:
    """The same with a ledger that is open and held."""
    disk = Inline()
    await finish_renames(ledger, storage, disk, tell)
    takes, before = await ledger.takes_of(new), await ledger.renames(done=True)
    if takes and not await ledger.takes_of(old) and any((one.old, one.new) == (old, new) for one in before):
        return len(takes)
    await _check_names(ledger, old, new)
    return await renames.rename(ledger, storage, disk, tell, old, new)


async def _check_names(ledger: Ledger, old: str, new: str) -> None:
    if not await ledger.takes_of(old):
        keys = [key async for key in ledger.job_keys()]
        raise UsageError(f"no job {old!r} in this batch{near_key(old, keys) or did_you_mean(old, keys)}")
    async for key in ledger.job_keys():
        if key.lower() == new.lower() and key not in (old, new):
            raise UsageError(f"{new!r} differs only in case from job {key!r}, and file names may ignore case")
    sent = [take for take in await ledger.takes_of(new) if take.state not in _UNSENT_STATES]
    if sent:
        raise UsageError(
            f"job {new!r} has takes of its own ({', '.join(sorted({take.state for take in sent}))}):"
            " give that one another name first"
        )


# --- an unknown take


async def resolve_unknown(
    folder: Path, job_key: str, remote_id: str | None, which: str | None = None
) -> Take:
    """Settle the unknown take of a job: accepted under `remote_id`, or, without one, planned again.

    An accepted take may be given another id, should the first have been a slip. `which`: a take's number, or
    the end of its label (`0123abcd.1`); one that was replaced must be named. Raises UsageError.
    """
    async with _deciding(folder) as ledger:
        if remote_id is not None:
            await _check_remote_id(ledger, remote_id)
        take = _to_settle(await ledger.takes_of(job_key), job_key, remote_id, which)
        return await settle(ledger, take, remote_id, LoopClock().wall())


async def settle(ledger: SqliteLedger, take: Take, remote_id: str | None, now: float) -> Take:
    """Put on record what became of a take whose answer was lost."""
    settled = {"ended_at": None, "reason": None}
    if remote_id is None:
        return await ledger.move(take, TakeState.PLANNED, **settled, origin=None, intent_at=None)
    handle = {"remote_id": remote_id, "accepted_at": now}
    if take.state is TakeState.ACCEPTED:
        return await ledger.note(take, **settled, **handle)
    return await ledger.move(take, TakeState.ACCEPTED, **settled, **handle)


async def _check_remote_id(ledger: SqliteLedger, remote_id: str) -> None:
    if not remote_id.isprintable() or not remote_id.strip(" ./") or remote_id == "ID" or " " in remote_id:
        raise UsageError(f"{remote_id!r} is no gateway's id: copy it from the gateway's own list or bill")
    async with aclosing(ledger.all_takes()) as takes:
        async for take in takes:
            if take.remote_id == remote_id:
                raise UsageError(f"{remote_id} is the id of job {take.job.key!r} already")


def _to_settle(takes: list[Take], job_key: str, remote_id: str | None, which: str | None) -> Take:
    """The one take of a job that a person may settle."""
    if not takes:
        raise UsageError(f"no job {job_key!r} in this batch")
    if which is not None:
        takes = [take for take in takes if which in (str(take.number), take.version)]
    unknown = [take for take in takes if take.state is TakeState.UNKNOWN]
    if which is None:
        unknown = [take for take in unknown if not take.replaced] or unknown
    found = unknown
    if not unknown and remote_id is not None:
        found = [take for take in takes if take.state is TakeState.ACCEPTED]
    if len(found) != 1 or (found[0].replaced and which is None):
        states = (
            ", ".join(_shown(take) if len(takes) > 1 else take.state for take in takes) or f"no take {which}"
        )
        say = "; say which with --take" if found else ""
        raise UsageError(f"job {job_key!r} has no single unknown take to settle{say}; it is {states}")
    return found[0]


def _shown(take: Take) -> str:
    return f"{take.state} (--take {take.version}{', replaced' * take.replaced})"
