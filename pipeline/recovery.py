"""A new ledger for a batch whose ledger is lost: from its copy, then the log, then the side files.

Nothing that was paid for may be lost or sent again: what the log shows as sent without an answer is
`unknown`. A ledger that can be read is never touched, and a damaged one is moved aside.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.clock import utc_text
from pipeline.durable import sync
from pipeline.errors import UsageError
from pipeline.ledger.copying import Health, health
from pipeline.ledger.rows import job_of, probe_of
from pipeline.ledger.sqlite import COPY_NAME, SqliteLedger
from pipeline.model import Job, Probe, Take, TakeState
from pipeline.offload import Threads
from pipeline.opening import LEDGER_NAME, LOG_NAME
from pipeline.storage.lock import batch_lock
from pipeline.storage.planted import is_plain, opened_anew

_S = TakeState
Name = tuple[str, str, int]
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_FACTS: dict[str, type] = {
    "origin": str, "credential": str, "remote_id": str, "reason": str, "sha256": str, "reused_from": str,
    "cost_ticks": int, "size_bytes": int, "reported_s": float,
    "estimate_ticks": int, "own_price": bool, "reserved_ticks": int,
}  # fmt: skip
_NONE: dict[str, Any] = dict.fromkeys(set(_FACTS) - {"origin", "credential"}) | {"own_price": False}
_NO_ANSWER = "sent, and the ledger was lost before the answer was on record"
_ENDS = frozenset(_S) - {_S.PLANNED, _S.SUBMITTING, _S.ACCEPTED, _S.READY}
_TEMPORARY = "ledger.recovering.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a new ledger was made of."""

    from_copy: int
    takes: int
    unknown: int
    aside: Path | None  # where the damaged one lies now


async def recover(folder: Path, now: float) -> Recovered:
    """Make a new ledger. Raises UsageError where the old one can be read, or nothing tells what was in it."""
    with batch_lock(folder):
        ledger = folder / LEDGER_NAME
        state = health(ledger)
        if state is Health.WHOLE:
            raise UsageError(f"{ledger} can be read: there is nothing to recover, and it is left as it is")
        temporary = folder / _TEMPORARY
        _remove(temporary)
        has_copy = health(folder / COPY_NAME) is Health.WHOLE
        if has_copy:
            _copy(folder / COPY_NAME, temporary)
        result = await _build(folder, temporary, has_copy=has_copy, now=now)
        if not result.takes:
            _remove(temporary)
            raise UsageError(f"{folder} holds no copy of a ledger, no log and no side files to make one from")
        sync(temporary)
        aside = _move_aside(ledger, now)
        sync(folder)  # the old WAL must not come back beside the new ledger
        os.replace(temporary, ledger)
        sync(folder)
        return replace(result, aside=aside if state is Health.DAMAGED else None)


async def _build(folder: Path, path: Path, *, has_copy: bool, now: float) -> Recovered:
    thread = Threads("ledger", 1)
    try:
        ledger = await SqliteLedger.open(path, thread)
        try:
            takes = {_name(take): take async for take in ledger.all_takes()}
            known = len(takes)
            saved = await ledger.last_run() if has_copy else None
            _read_log(folder / LOG_NAME, takes, saved)
            _read_sides(folder, takes)
            found = _settled(takes, now)
            await ledger.restore(found)
        finally:
            await ledger.close()
    finally:
        thread.close()
    unknown = sum(take.state is _S.UNKNOWN for take in found)
    return Recovered(from_copy=known, takes=len(found), unknown=unknown, aside=None)


def _name(take: Take) -> Name:
    return take.job.key, take.fingerprint, take.number


def _settled(takes: Mapping[Name, Take], now: float) -> list[Take]:
    """As a start would find them: no answer is unknown, and a link that nobody knows is asked for."""
    newest: dict[tuple[str, str], int] = {}
    for key, print_, number in takes:
        newest[key, print_] = max(number, newest.get((key, print_), 0))
    found = []
    for take in takes.values():
        lost = take.state is _S.ACCEPTED and take.handle is None
        if take.state is _S.SUBMITTING or lost:
            reason = take.reason or _NO_ANSWER
            take = replace(take, state=_S.UNKNOWN, ended_at=now, reason=reason)
        elif take.state is _S.READY and take.url is None and take.reused_from is None:
            take = replace(take, state=_S.ACCEPTED)
        if take.state is _S.UNKNOWN and take.number < newest[take.job.key, take.fingerprint]:
            take = replace(take, replaced=True)
        found.append(take)
    return found


# --- the log


def _read_log(path: Path, takes: dict[Name, Take], saved: int | None) -> None:
    """Every move that the log tells and that the copy, made in run `saved`, does not hold yet."""
    skip = 0
    for number, line in enumerate(_lines(path), start=1):
        if saved is not None and line.get("event") == "ledger.saved" and line.get("run") == saved:
            skip = number
    told: dict[Name, Take] = {}
    origin: str | None = None
    for number, line in enumerate(_lines(path), start=1):
        if line.get("event") == "run.started" and isinstance(line.get("origin"), str):
            origin = line["origin"]
        if number > skip and line.get("event") == "job.renamed":
            _rename(takes, line)
            _rename(told, line)
        name = _named(line)
        if number > skip and name is not None:
            before = told.get(name) or takes.get(name)
            if (after := _moved(before, name, line, origin)) is not None:
                told[name] = after
    for name, take in told.items():
        before = takes.get(name)
        nothing_new = before is not None and before.remote_id is not None and take.remote_id is None
        if not nothing_new:
            takes[name] = take


def _rename(takes: dict[Name, Take], line: Mapping[str, Any]) -> None:
    """Every take of a job that got another key (`nightreel mv`). Told again, it changes nothing."""
    old, new = line.get("job"), line.get("to")
    if not isinstance(new, str) or not _KEY.fullmatch(new):
        return
    for name in [name for name in takes if name[0] == old]:
        take = takes.pop(name)
        takes[new, *name[1:]] = replace(take, job=replace(take.job, key=new))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The log's lines. One that broke off, or that somebody edited, is left out."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            yield line if isinstance(line, dict) else {}


def _named(facts: Mapping[str, Any]) -> Name | None:
    """Which take a line or a side file is about, if it names one as we would."""
    key, print_, number = facts.get("job"), facts.get("fingerprint"), facts.get("take")
    if not isinstance(key, str) or not isinstance(print_, str) or type(number) is not int:
        return None
    return (key, print_, number) if _KEY.fullmatch(key) and _FINGERPRINT.fullmatch(print_) else None


def _moved(take: Take | None, name: Name, line: Mapping[str, Any], origin: str | None) -> Take | None:
    """The take after what a line tells; None where it tells of no move."""
    word = str(line.get("event")).removeprefix("take.")
    if word == "not_recorded" and take is not None:
        return replace(take, reason=_facts(line).get("reason"))
    if word not in {state.value for state in TakeState} or "before" not in line:
        return None
    state, at = TakeState(word), _wall(line.get("at"))
    take = take or _new(name, line)
    facts = {"origin": origin} | _NONE | _facts(line)
    if isinstance(line.get("asked"), dict):
        facts["job"] = _job(name[0], line["asked"])
    if state is _S.SUBMITTING:
        facts |= {"intent_at": at, "accepted_at": None}
    elif state in (_S.PLANNED, _S.HELD, _S.BLOCKED):
        facts |= {"intent_at": None, "origin": None}
    elif state is _S.ACCEPTED:
        facts |= {"accepted_at": take.accepted_at or at}
    elif state is _S.READY:
        facts |= {"ready_at": take.ready_at or at}
    ended_at = at if state in _ENDS else None
    return replace(take, state=state, ended_at=ended_at, **facts)


# --- side files


def _read_sides(folder: Path, takes: dict[Name, Take]) -> None:
    """Clips that are there are done, whatever else is known of them."""
    for home in ("clips", "superseded"):
        for path in sorted((folder / home).rglob("*.json")):
            side = next(_side(path), {})
            name = _named(side)
            if name is None or side.get("version") != 1:
                continue
            known = takes.get(name)
            if known is None or (known.state not in _ENDS - {_S.UNKNOWN} and _has_clip(path, side)):
                takes[name] = _done(known or _new(name, side), side)


def _side(path: Path) -> Iterator[dict[str, Any]]:
    try:
        side = json.loads(path.read_bytes()) if is_plain(path) else None
    except (OSError, ValueError):
        return
    if isinstance(side, dict):
        yield side


def _has_clip(path: Path, side: Mapping[str, Any]) -> bool:
    clip = path.with_suffix(".mp4")
    return is_plain(clip) and clip.stat().st_size == side.get("size_bytes")


def _done(take: Take, side: Mapping[str, Any]) -> Take:
    if isinstance(side.get("asked"), dict):
        take = replace(take, job=_job(take.job.key, side["asked"]))
    times: dict[str, Any] = {
        "intent_at": _wall(side.get("submitted_at")),
        "accepted_at": _wall(side.get("accepted_at")),
        "ready_at": _wall(side.get("ready_at")),
        "ended_at": _wall(side.get("finished_at")),
    }
    return replace(take, state=_S.DONE, reason=None, probe=_probe(side), **times, **_facts(side))


def _probe(side: Mapping[str, Any]) -> Probe | None:
    try:
        return probe_of(side["probe"])
    except (KeyError, TypeError):
        return None


# --- what both say


def _new(name: Name, facts: Mapping[str, Any]) -> Take:
    key, print_, number = name
    return Take(
        id=0,
        job=Job(key=key, prompt=""),
        fingerprint=print_,
        number=number,
        state=_S.PLANNED,
        provider=str(facts.get("provider", "")),
    )


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What may be taken over as it stands."""
    found: dict[str, Any] = {}
    for name, kind in _FACTS.items():
        value = facts.get(name)
        if isinstance(value, kind) or (kind is float and type(value) is int):
            found[name] = value
    return found


def _job(key: str, asked: dict[str, Any]) -> Job:
    try:
        return replace(job_of(json.dumps(asked)), key=key)
    except (TypeError, ValueError):
        return Job(key=key, prompt=str(asked.get("prompt", "")))


def _wall(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None


# --- files


def _with_its_wal(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]


def _remove(path: Path) -> None:
    for one in _with_its_wal(path):
        one.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """For the owner's eyes only, from the first byte on."""
    with source.open("rb") as old, open(opened_anew(target, 0o600), "wb") as new:
        shutil.copyfileobj(old, new)


def _move_aside(ledger: Path, now: float) -> Path:
    """What is left of the old ledger gets another name: its journal must not be taken for the new one's."""
    stamp = utc_text(now).replace(":", "").replace("-", "")
    aside = _free(lambda end: ledger.with_name(f"ledger.damaged-{stamp}{end}.sqlite"))
    for old, new in zip(_with_its_wal(ledger), _with_its_wal(aside), strict=True):
        if old.exists():
            os.replace(old, new)
    return aside


def _free(named: Callable[[str], Path]) -> Path:
    number = 1
    while any(path.exists() for path in _with_its_wal(named(f"-{number}" if number > 1 else ""))):
        number += 1
    return named(f"-{number}" if number > 1 else "")
