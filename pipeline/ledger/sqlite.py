"""The ledger in SQLite: one connection, one thread; writes that wait together share a commit (commits.py)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import anyio

from pipeline.again import NO_ENDS, Ends
from pipeline.ledger.base import (
    Calls,
    Charges,
    IllegalMoveError,
    KeptClip,
    Outlay,
    OverCapError,
    Pair,
    PlacedTake,
    PlannedJob,
    Rename,
    RenderTime,
    Run,
    Standing,
)
from pipeline.ledger.commits import Commits
from pipeline.ledger.connection import Connect, Connection, connect, named_queries, open_database, translated
from pipeline.ledger.copying import copy_database
from pipeline.ledger.rows import MUTABLE, WIDTH, spec_of, take_of, values_of
from pipeline.model import LEGAL_MOVES, Take, TakeState
from pipeline.money import NO_CAPS, Caps, spent, usd_text
from pipeline.offload import Offload
from pipeline.polling.render_times import KEEP
from pipeline.version import __version__

T = TypeVar("T")
PAGE = 256
_PER_PRIORITY = 1 << 40  # more than there are positions
_BEFORE_ALL = -(1 << 62)
LIGHT_PAGE = 2048  # of rows with a few short columns
_PLANNED = frozenset({TakeState.PLANNED})
_STATES = {state.value: state for state in TakeState}
COPY_NAME = "ledger.backup.sqlite"
_NAMED = named_queries((files(__package__) / "queries.sql").read_text("utf-8"))
QUERIES = {
    name: query.replace("{take}", _NAMED["take"]).replace("{wanted}", _NAMED["wanted"])
    for name, query in _NAMED.items()
}


class SqliteLedger:
    """`ledger.base.Ledger` in one SQLite file."""

    def __init__(self, db: Connection, path: Path, offload: Offload) -> None:
        self._db = db
        self._path = path
        self._offload = offload
        self._commits = Commits(db, path, offload)
        self._write = self._commits.write
        self._run_id = 0

    @classmethod
    async def open(cls, path: Path, offload: Offload, connect: Connect = connect) -> SqliteLedger:
        """Open or create the ledger at `path`. Raises LedgerError, DiskFullError."""
        return cls(await offload(open_database, path, connect), path, offload)

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            async with self._commits.lock:
                await self._offload(self._db.close)

    # --- writing

    async def _execute(self, name: str, values: Mapping[str, Any]) -> None:
        def work(db: Connection) -> None:  # the cursor stays here: one that dies elsewhere disturbs the next
            db.execute(QUERIES[name], values)

        await self._write(work)

    async def begin_run(
        self, manifest: str, now: float, *, remake: bool = False, carry: bool = False, caps: Caps = NO_CAPS
    ) -> None:
        values = {
            "manifest": manifest,
            "version": __version__,
            "now": now,
            "remake": remake,
            "budget_ticks": caps.batch_ticks,
            "run_budget_ticks": caps.run_ticks,
        }

        def work(db: Connection) -> int:
            run_id: int = next(iter(db.execute(QUERIES["begin_run"], values)))[0]
            if carry:
                db.execute(QUERIES["carry_jobs"], {"run_id": run_id})
            return run_id

        self._run_id = await self._write(work)

    async def end_run(self, exit_code: int, now: float, *, reason: str | None = None, clips: int = 0) -> None:
        ended = {"exit_code": exit_code, "now": now, "reason": reason, "clips": clips}
        await self._execute("end_run", ended | {"run_id": self._run_id})

    async def recover(self, now: float, *, unsent: bool = True) -> int:
        def work(db: Connection) -> int:
            if unsent:
                db.execute(QUERIES["recover_unsent"])
            return len(list(db.execute(QUERIES["recover_submitting"], {"now": now})))

        return await self._write(work)

    async def plan(
        self,
        rows: Sequence[PlannedJob],
        provider: str,
        again: Ends = NO_ENDS,
        max_unknown_ticks: int | None = None,
    ) -> int:
        def work(db: Connection) -> int:
            places = {row.job.key: _place_of(row) for row in rows}
            known = db.execute(QUERIES["plan_known"], {"keys": json.dumps(list(places))})
            unchanged = {
                key
                for key, *place, state in known
                if tuple(place) == places[key] and state is not None and state not in again | _PLANNED
            }
            if unchanged:  # most of a rerun: what they are is on record already
                values = {"keys": json.dumps(list(unchanged)), "run_id": self._run_id}
                db.execute(QUERIES["plan_unchanged"], values)
            changed = [row for row in rows if row.job.key not in unchanged]
            return sum(self._plan_one(db, row, provider, again, max_unknown_ticks) for row in changed)

        return await self._write(work)

    def _plan_one(
        self, db: Connection, row: PlannedJob, provider: str, again: Ends, max_unknown_ticks: int | None
    ) -> int:
        fingerprint, position, feed_order, parent_key, selected = _place_of(row)
        estimate = row.estimate
        values = {
            "key": row.job.key,
            "fingerprint": fingerprint,
            "position": position,
            "feed_order": feed_order,
            "run_id": self._run_id,
            "parent_key": parent_key,
            "selected": selected,
            "spec": spec_of(row.job),
            "provider": provider,
            "estimate_ticks": None if estimate is None else estimate.ticks,
            "own_price": estimate is not None and estimate.own,
        }
        db.execute(QUERIES["plan_job"], values)
        db.execute(QUERIES["plan_take"], values)
        return _again(db, values, again, max_unknown_ticks) if again and row.selected else 0

    async def take_again(self, takes: Sequence[Take]) -> list[Take]:
        def work(db: Connection) -> list[Take]:
            return [_successor(db, take) for take in takes]

        return await self._write(work)

    async def move(self, take: Take, to: TakeState, **facts: Any) -> Take:
        if to not in LEGAL_MOVES[take.state]:
            raise IllegalMoveError(f"job {take.job.key!r}: {take.state} does not lead to {to}")
        return await self._update(take, replace(take, state=to, **facts))

    async def intend(self, take: Take, caps: Caps, **facts: Any) -> Take:
        if TakeState.SUBMITTING not in LEGAL_MOVES[take.state]:
            raise IllegalMoveError(f"job {take.job.key!r}: {take.state} is not sent")
        after = replace(take, state=TakeState.SUBMITTING, **facts)
        values = {"id": take.id, "run_id": self._run_id}

        def check(db: Connection) -> None:
            db.execute(QUERIES["send"], values)
            batch, run = next(iter(db.execute(QUERIES["spent"], values)))
            _check_cap(take, after, batch, caps.batch_ticks, "the batch's budget_usd")
            _check_cap(take, after, run + caps.elsewhere_ticks, caps.run_ticks, "this run's --budget")

        return await self._update(take, after, check)

    async def hold(self, reason: str, now: float) -> int:
        values = {"reason": reason, "now": now, "run_id": self._run_id}
        return await self._write(lambda db: len(list(db.execute(QUERIES["hold"], values))))

    async def note(self, take: Take, **facts: Any) -> Take:
        if not facts.keys() <= set(MUTABLE):
            raise IllegalMoveError(f"job {take.job.key!r}: a note cannot change {sorted(facts)}")
        return await self._update(take, replace(take, **facts))

    async def _update(
        self, take: Take, after: Take, check: Callable[[Connection], None] | None = None
    ) -> Take:
        """`check` runs first, in the same transaction; what it raises takes back all of this write."""
        values = values_of(after) | {"before": take.state.value}

        def work(db: Connection) -> None:
            if check is not None:
                check(db)
            if not list(db.execute(QUERIES["update_take"], values)):
                raise IllegalMoveError(f"job {take.job.key!r}: the take is no longer {take.state}")
            if after.state is TakeState.DONE and after.wanted:
                db.execute(QUERIES["set_clip"], {"key": take.job.key, "take_id": take.id})

        await self._write(work)
        return after

    async def set_clip(self, key: str, take_id: int) -> None:
        await self._execute("set_clip", {"key": key, "take_id": take_id})

    async def rename(self, old: str, new: str) -> int:
        names = {"old": old, "new": new}

        def work(db: Connection) -> int:
            db.execute(QUERIES["drop_unsent"], names)
            if list(db.execute(QUERIES["standings"], {"keys": json.dumps([new])})):
                raise IllegalMoveError(f"job {new!r} has takes that were sent")
            moved = len(list(db.execute(QUERIES["rename_takes"], names)))
            for name in ("rename_clip", "rename_job", "drop_job", "rename_parent", "begin_rename"):
                db.execute(QUERIES[name], names)
            return moved

        return await self._write(work)

    async def end_rename(self, rename: Rename) -> None:
        await self._execute("end_rename", {"id": rename.id})

    async def take_over(self, take: Take, clip: KeptClip, now: float) -> Take:
        theirs = clip.take
        after = replace(
            take,
            state=TakeState.READY,
            origin=theirs.origin,
            credential=theirs.credential,
            remote_id=theirs.remote_id,
            ready_at=now,
            sha256=theirs.sha256,
            size_bytes=theirs.size_bytes,
            reported_s=theirs.reported_s,
            reused_from=clip.name,
            estimate_ticks=0,
            own_price=False,
            reserved_ticks=0,
            cost_ticks=0,
            reason=None,
        )
        values = values_of(after) | {"reused_from": clip.name}

        def work(db: Connection) -> None:
            if not list(db.execute(QUERIES["take_over"], values)):
                raise IllegalMoveError(f"job {take.job.key!r}: the take is no longer planned")

        await self._write(work)
        return after

    async def count_calls(
        self, counts: Mapping[tuple[int, str, str], int], render_times: Sequence[RenderTime] = ()
    ) -> None:
        def work(db: Connection) -> None:
            for (minute, kind, outcome), count in counts.items():
                values = {"minute": minute, "kind": kind, "outcome": outcome, "count": count}
                db.execute(QUERIES["count_call"], values | {"run_id": self._run_id})
            for seen in render_times:
                db.execute(QUERIES["add_render_time"], seen._asdict())
            for kind in sorted({seen.kind for seen in render_times}):
                db.execute(QUERIES["drop_render_times"], {"kind": kind, "keep": KEEP})

        await self._write(work)

    async def save_copy(self) -> int:
        await self._offload(copy_database, self._path, self._path.with_name(COPY_NAME))
        return await self.last_run()

    async def restore(self, takes: Sequence[Take]) -> None:
        """Put takes on record as they are, for a ledger that is made anew. Not a move: what was, is told."""

        def work(db: Connection) -> None:
            for take in takes:
                values = values_of(take) | {
                    "key": take.job.key,
                    "fingerprint": take.fingerprint,
                    "number": take.number,
                    "spec": spec_of(take.job),
                    "provider": take.provider,
                    "estimate_ticks": take.estimate_ticks,
                    "own_price": take.own_price,
                    "replaced": take.replaced,
                    "reused_from": take.reused_from,
                }
                db.execute(QUERIES["restore_take"], values)

        await self._write(work)

    # --- reading

    async def render_times(self) -> list[RenderTime]:
        return [RenderTime(*row) for row in await self._read("render_times")]

    async def last_run(self) -> int:
        return int((await self._read("last_run"))[0][0])

    async def runs(self, last: int | None = None) -> list[Run]:
        return [Run(*row) for row in await self._read("runs", {"last": -1 if last is None else last})]

    async def last_manifest(self) -> str | None:
        rows = await self._read("last_manifest")
        return rows[0][0] if rows else None

    async def calls(self) -> list[Calls]:
        return [Calls(*row) for row in await self._read("calls")]

    async def _read(self, name: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        def work() -> list[tuple[Any, ...]]:
            try:
                return list(self._db.execute(QUERIES[name], values or {}))
            except sqlite3.Error as exc:
                raise translated(exc, self._path) from exc

        async with self._commits.lock:  # the connection is in a transaction only while the lock is held
            with anyio.CancelScope(shield=True):
                rows = await self._offload(work)
        return rows

    async def _pages(
        self, name: str, after: int, cursor: int, **values: Any
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Rows page by page; column `cursor` of the last row is where the next page goes on."""
        while rows := await self._read(name, values | {"after": after, "limit": PAGE}):
            for row in rows:
                yield row
            after = rows[-1][cursor]

    async def collectable(self, state: TakeState) -> AsyncIterator[Take]:
        async for row in self._pages("collectable", 0, 0, state=state.value):
            yield take_of(row)

    async def planned(self) -> AsyncIterator[Take]:
        if not (await self._read("any_planned"))[0][0]:
            return
        async for row in self._pages("planned", _BEFORE_ALL, WIDTH, run_id=self._run_id):
            yield take_of(row)

    async def placed(self) -> AsyncIterator[list[PlacedTake]]:
        after = -1
        values = {"run_id": self._run_id, "limit": LIGHT_PAGE}
        while rows := await self._read("placed", values | {"after": after}):
            yield [PlacedTake(id_, key, _STATES[state], *rest) for id_, key, state, *rest, _ in rows]
            after = rows[-1][-1]

    async def all_takes(self) -> AsyncGenerator[Take, None]:
        position, take_id = -1, 0
        while rows := await self._read(
            "manifest_takes", {"after": position, "after_id": take_id, "limit": PAGE}
        ):
            for row in rows:
                yield take_of(row)
            position, take_id = rows[-1][WIDTH], rows[-1][0]
        async for row in self._pages("orphaned_takes", 0, 0):
            yield take_of(row)

    async def children(self, parent_key: str) -> list[Take]:
        return [take_of(row) for row in await self._read("children", {"key": parent_key})]

    async def wanted_take(self, key: str) -> Take | None:
        rows = await self._read("wanted_take", {"key": key})
        return take_of(rows[0]) if rows else None

    async def takes_of(self, key: str) -> list[Take]:
        return [take_of(row) for row in await self._read("takes_of", {"key": key})]

    async def standings(self, keys: Sequence[str]) -> Mapping[str, list[Standing]]:
        found: dict[str, list[Standing]] = {}
        for row in await self._read("standings", {"keys": json.dumps(keys)}):
            take_id, key, print_, number, state, reason, bears_name = row
            standing = Standing(take_id, key, print_, number, TakeState(state), reason, bool(bears_name))
            found.setdefault(key, []).append(standing)
        return found

    async def takes_by_id(self, ids: Sequence[int]) -> list[Take]:
        return [take_of(row) for row in await self._read("takes_by_id", {"ids": json.dumps(ids)})]

    async def renames(self, *, done: bool = False) -> list[Rename]:
        rows = await self._read("renames", {"all": done})
        return [Rename(row[0], row[1], row[2], bool(row[3])) for row in rows]

    async def job_keys(self) -> AsyncIterator[str]:
        after = ""
        while rows := await self._read("job_keys", {"after": after, "limit": PAGE}):
            for (after,) in rows:
                yield after

    async def count_jobs(self) -> int:
        return int((await self._read("count_jobs"))[0][0])

    async def kept(self) -> AsyncIterator[list[tuple[str, str]]]:
        after = 0
        while rows := await self._read("kept", {"after": after, "limit": LIGHT_PAGE}):
            yield [(row[1], row[2]) for row in rows]
            after = rows[-1][0]

    async def renamed_since(self) -> Pair | None:
        rows = await self._read("renamed_since", {"run_id": self._run_id})
        return Pair(*rows[0]) if rows else None

    async def open_among(self, fingerprints: Sequence[str]) -> set[str]:
        values = {"fingerprints": json.dumps(fingerprints), "run_id": self._run_id}
        return {row[0] for row in await self._read("open_among", values)}

    async def open_take(self, fingerprint: str) -> Take | None:
        rows = await self._read("open_take", {"fingerprint": fingerprint, "run_id": self._run_id})
        return take_of(rows[0]) if rows else None

    async def has_film(self, fingerprint: str, sha256: str) -> bool:
        return bool(await self._read("has_film", {"fingerprint": fingerprint, "sha256": sha256}))

    async def origins(self) -> list[str]:
        return [row[0] for row in await self._read("origins")]

    async def in_flight(self, since: float) -> list[tuple[int, float]]:
        return [(row[0], row[1]) for row in await self._read("in_flight", {"since": since})]

    async def counts(self) -> Mapping[TakeState, int]:
        return {TakeState(state): count for state, count in await self._read("counts")}

    async def key_check(self, origin: str) -> tuple[str, str] | None:
        rows = await self._read("key_check", {"origin": origin})
        return (rows[0][0], rows[0][1]) if rows else None

    async def set_key_check(self, origin: str, salt: str, digest: str) -> None:
        values = {"origin": origin, "salt": salt, "digest": digest}
        await self._execute("set_key_check", values)

    async def outlay(self) -> Outlay:
        names = ("count", "ticks", "unpriced", "unpriced_key", "remade")
        row = (await self._read("outlay", {"run_id": self._run_id}))[0]
        return Outlay(**dict(zip(names, row, strict=True)))

    async def charges(self) -> Charges:
        total, settled = (await self._read("charges"))[0]
        return Charges(settled_ticks=settled, reserved_ticks=total - settled)

    async def spent(self) -> tuple[int, int]:
        batch, run = (await self._read("spent", {"run_id": self._run_id}))[0]
        return batch, run if self._run_id else 0  # 0 stands for runs that are not known

    async def spent_by_month(self) -> Mapping[str, int]:
        rows = await self._read("spent_by_month")
        return {row[0]: row[1] for row in rows}


def _place_of(row: PlannedJob) -> tuple[str, int, int, str | None, bool]:
    """What the ledger knows of a job apart from its takes: fingerprint, position, order, parent, selected."""
    feed_order = row.position - (row.job.priority or 0) * _PER_PRIORITY
    return row.fingerprint, row.position, feed_order, row.job.parent_key, row.selected


def _check_cap(take: Take, after: Take, spent_ticks: int, cap: int | None, name: str) -> None:
    """Raises OverCapError. `spent_ticks`: without this take."""
    own = spent(after) - spent(take)
    if cap is not None and spent_ticks + own > cap:
        raise OverCapError(
            f"job {take.job.key!r} at {usd_text(own)} would bring what is spent and reserved to"
            f" {usd_text(spent_ticks + own)}, above {name} of {usd_text(cap)}"
        )


def _again(db: Connection, values: Mapping[str, Any], again: Ends, max_unknown_ticks: int | None) -> int:
    """One more take of a job whose newest ended so. One that is unknown, only while there is money for it."""
    states = [row[0] for row in db.execute(QUERIES["newest"], values)]
    if states == [TakeState.UNKNOWN] and TakeState.UNKNOWN in again:
        if max_unknown_ticks is not None:
            used = next(iter(db.execute(QUERIES["resubmitted"])))[0]
            if values["estimate_ticks"] is None or used + values["estimate_ticks"] > max_unknown_ticks:
                return 0
        db.execute(QUERIES["replace_unknown"], values)
    return len(list(db.execute(QUERIES["take_again"], {**values, "again": json.dumps(sorted(again))})))


def _successor(db: Connection, take: Take) -> Take:
    """A planned take of the same job and fingerprint, one number on."""
    values = {
        "key": take.job.key,
        "fingerprint": take.fingerprint,
        "spec": spec_of(take.job),
        "provider": take.provider,
        "estimate_ticks": take.estimate_ticks,
        "own_price": take.own_price,
        "run_id": 0,
        "again": json.dumps([take.state]),
    }
    made = list(db.execute(QUERIES["take_again"], values))
    if not made:
        raise IllegalMoveError(f"job {take.job.key!r}: the take is no longer {take.state}")
    return next(
        other for other in map(take_of, db.execute(QUERIES["takes_of"], values)) if other.id == made[0][0]
    )
