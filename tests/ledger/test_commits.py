"""Durable when it returns, shared when many wait, finished once begun."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from ledger.opening import Gate, a_run, bring, on_disk, states, tapped, the_take
from support.builders_core import a_row, rows_of

from pipeline.errors import DiskFullError
from pipeline.ledger.base import IllegalMoveError
from pipeline.ledger.sqlite import SqliteLedger
from pipeline.model import Take, TakeState

STATE_OF = "SELECT state FROM takes WHERE job_key = '{}'"


async def test_a_commit_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    """Another process sees each move at once, and SQLite was told to sync every commit."""
    path, said = tmp_path / "ledger.sqlite", Counter[str]()
    async with a_run(path, [a_row()], tapped(lambda sql: said.update([sql]))) as ledger:
        take = await the_take(ledger)

        await ledger.move(take, TakeState.SUBMITTING)

        assert on_disk(path, STATE_OF.format("fox")) == [("submitting",)]
        assert {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"} <= set(said)


async def test_writers_that_wait_share_a_commit(tmp_path: Path) -> None:
    """Forty at once, each durable when its call returns, in far fewer commits."""
    path, commits = tmp_path / "ledger.sqlite", Counter[str]()
    keys = [f"job-{number:02}" for number in range(40)]
    seen: dict[str, Any] = {}
    async with a_run(path, rows_of(keys), tapped(lambda sql: commits.update([sql]))) as ledger:
        takes = [take async for take in ledger.planned()]
        commits.clear()

        async def submit(take: Take) -> None:
            await ledger.move(take, TakeState.SUBMITTING)
            seen[take.job.key] = on_disk(path, STATE_OF.format(take.job.key))

        async with anyio.create_task_group() as group:
            for take in takes:
                group.start_soon(submit, take)

    assert seen == {key: [("submitting",)] for key in keys}
    assert 1 <= commits["COMMIT"] <= 4


async def test_writers_one_after_the_other_commit_one_by_one(tmp_path: Path) -> None:
    """Nobody waits for company: a lone write is committed at once."""
    commits = Counter[str]()
    async with a_run(
        tmp_path / "l.sqlite", rows_of("abc"), tapped(lambda sql: commits.update([sql]))
    ) as ledger:
        commits.clear()
        for key in "abc":
            await ledger.move(await the_take(ledger, key), TakeState.SUBMITTING)

    assert commits["COMMIT"] == 3


async def test_a_failing_write_does_not_take_others_down(tmp_path: Path) -> None:
    """One of three in the same commit is illegal: it alone fails, and leaves nothing behind."""
    path, gate = tmp_path / "ledger.sqlite", Gate()
    async with a_run(path, rows_of("abcd"), tapped(gate)) as ledger:
        takes = {take.job.key: take async for take in ledger.planned()}
        gate.armed = True
        outcome = await while_one_commits(
            ledger,
            gate,
            takes["a"],
            {
                "b": lambda: ledger.move(takes["b"], TakeState.SUBMITTING),
                "stale": lambda: ledger.move(takes["a"], TakeState.HELD, reason="stale"),
                "c": lambda: ledger.move(takes["c"], TakeState.SUBMITTING, remote_id="r-3"),
            },
        )

        assert isinstance(outcome["stale"], IllegalMoveError)
        assert outcome["b"].state is outcome["c"].state is TakeState.SUBMITTING
    assert on_disk(path, "SELECT job_key, state, remote_id, reason FROM takes ORDER BY job_key") == [
        ("a", "submitting", None, None),
        ("b", "submitting", None, None),
        ("c", "submitting", "r-3", None),
        ("d", "planned", None, None),
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {"reason": "\udcff"},
        {"validator": '"\udce9"'},
        {"cost_ticks": 2**70},
        {"cost_ticks": "much"},
        {"url": object()},
    ],
    ids=["reason not UTF-8", "etag not UTF-8", "too large", "text for a number", "no SQL type"],
)
async def test_a_write_that_cannot_be_stored_does_not_take_others_down(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    """A value from outside that SQLite cannot hold fails its own write alone, and the take can go on."""
    path, gate = tmp_path / "ledger.sqlite", Gate()
    async with a_run(path, rows_of("abc"), tapped(gate)) as ledger:
        takes = {take.job.key: take async for take in ledger.planned()}
        gate.armed = True
        outcome = await while_one_commits(
            ledger,
            gate,
            takes["a"],
            {
                "bad": lambda: ledger.note(takes["b"], **facts),
                "good": lambda: ledger.move(takes["c"], TakeState.SUBMITTING),
            },
        )
        between = on_disk(path, "SELECT state FROM takes ORDER BY job_key")
        held = await ledger.move(takes["b"], TakeState.HELD)

        assert isinstance(outcome["bad"], Exception)
        assert outcome["good"].state is TakeState.SUBMITTING
        assert between == [("submitting",), ("planned",), ("submitting",)]
        assert await the_take(ledger, "b") == held


async def while_one_commits(
    ledger: SqliteLedger, gate: Gate, first: Take, writes: dict[str, Callable[[], Any]]
) -> dict[str, Any]:
    """Start `writes` while the commit of `first` is held up, so that they share the next. Result or error."""
    outcome: dict[str, Any] = {}

    async def run(name: str, write: Callable[[], Any]) -> None:
        try:
            outcome[name] = await write()
        except Exception as exc:  # the test looks at it
            outcome[name] = exc

    async with anyio.create_task_group() as group:
        group.start_soon(ledger.move, first, TakeState.SUBMITTING)
        await gate.reached.wait()
        for name, write in writes.items():
            group.start_soon(run, name, write)
        await all_blocked()
        gate.opened.set()
    return outcome


async def all_blocked() -> None:
    """Let every started task get as far as it can: writers queue within a few turns of the loop."""
    for _ in range(10):
        await checkpoint()


async def test_a_write_that_was_begun_is_finished_although_its_caller_is_cancelled(tmp_path: Path) -> None:
    """Both the write under way and the one that waits behind it reach the disk, and tell their callers."""
    path, gate = tmp_path / "ledger.sqlite", Gate()
    told: dict[str, TakeState] = {}
    async with a_run(path, rows_of("ab"), tapped(gate)) as ledger:
        takes = {take.job.key: take async for take in ledger.planned()}
        gate.armed = True

        async def submit(key: str) -> None:
            told[key] = (await ledger.move(takes[key], TakeState.SUBMITTING)).state

        async with anyio.create_task_group() as group:
            group.start_soon(submit, "a")
            await gate.reached.wait()
            group.start_soon(submit, "b")
            await all_blocked()
            group.cancel_scope.cancel()
            gate.opened.set()

    assert told == {"a": TakeState.SUBMITTING, "b": TakeState.SUBMITTING}
    assert on_disk(path, "SELECT state FROM takes") == [("submitting",), ("submitting",)]


async def test_a_write_inside_a_cancelled_scope_is_still_made(tmp_path: Path) -> None:
    """The answer to a submit is put on record although the run was cancelled while it came."""
    path = tmp_path / "ledger.sqlite"
    async with a_run(path, [a_row()]) as ledger:
        take = await the_take(ledger)

        with anyio.CancelScope() as scope:
            scope.cancel()
            await ledger.move(take, TakeState.SUBMITTING)

    assert on_disk(path, "SELECT state FROM takes") == [("submitting",)]


class FullDisk:
    """A tap that lets COMMIT fail for want of room, as often as told."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, sql: str) -> None:
        if sql == "COMMIT" and self.times:
            self.times -= 1
            raise full()


def full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


async def test_a_full_disk_is_named_and_the_ledger_works_again_afterwards(tmp_path: Path) -> None:
    """Nothing is half written; once there is room the same call succeeds."""
    path, disk = tmp_path / "ledger.sqlite", FullDisk()
    async with a_run(path, rows_of("ab"), tapped(disk)) as ledger:
        take = await the_take(ledger, "a")
        disk.times = 2

        for _ in range(2):
            with pytest.raises(DiskFullError, match=r"no room left to write .*ledger\.sqlite") as caught:
                await ledger.move(take, TakeState.SUBMITTING)
        before = await states(ledger)
        await ledger.move(take, TakeState.SUBMITTING)

        assert caught.value.exit_code == 4
        assert before == {"a": TakeState.PLANNED, "b": TakeState.PLANNED}
        assert await states(ledger) == {"a": TakeState.SUBMITTING, "b": TakeState.PLANNED}


async def test_everyone_in_a_commit_that_found_no_room_hears_of_it(tmp_path: Path) -> None:
    """No writer of the batch is told that its change is on record."""
    path, gate, disk = tmp_path / "ledger.sqlite", Gate(), FullDisk()

    def tap(sql: str) -> None:
        gate(sql)
        disk(sql)

    async with a_run(path, rows_of("abc"), tapped(tap)) as ledger:
        takes = {take.job.key: take async for take in ledger.planned()}
        gate.armed = True

        async def fill_up_then_hold(key: str) -> Take:
            disk.times = 2  # the held-up commit, and that of the others
            return await ledger.move(takes[key], TakeState.HELD)

        async with anyio.create_task_group() as group:
            failed: list[str] = []

            async def hold(key: str) -> None:
                try:
                    await fill_up_then_hold(key)
                except DiskFullError:
                    failed.append(key)

            group.start_soon(hold, "a")
            await gate.reached.wait()
            group.start_soon(hold, "b")
            group.start_soon(hold, "c")
            await all_blocked()
            gate.opened.set()

        assert sorted(failed) == ["a", "b", "c"]
        assert set((await states(ledger)).values()) == {TakeState.PLANNED}


async def test_sqlites_own_full_disk_is_the_same(tmp_path: Path) -> None:
    """The real error, from a database that may not grow, with SQLite's own way of giving up."""
    path, db = tmp_path / "ledger.sqlite", []

    def connect(path: Path) -> Any:
        db.append(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
        return db[0]

    async with a_run(path, rows_of("ab"), connect) as ledger:
        take = await the_take(ledger, "a")
        pages = next(iter(db[0].execute("PRAGMA page_count")))[0]
        db[0].execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(DiskFullError):
            await ledger.move(take, TakeState.HELD, reason="x" * 100_000)
        db[0].execute(f"PRAGMA max_page_count = {pages + 1000}")
        await ledger.move(take, TakeState.HELD, reason="x" * 100_000)

        assert await states(ledger) == {"a": TakeState.HELD, "b": TakeState.PLANNED}


async def test_a_read_waits_for_the_transaction_under_way(tmp_path: Path) -> None:
    """One connection: nobody reads what is not committed yet."""
    gate = Gate()
    async with a_run(tmp_path / "ledger.sqlite", [a_row()], tapped(gate)) as ledger:
        take = await the_take(ledger)
        gate.armed = True
        read: list[TakeState] = []

        async def look() -> None:
            read.append((await the_take(ledger)).state)

        async with anyio.create_task_group() as group:
            group.start_soon(ledger.move, take, TakeState.SUBMITTING)
            await gate.reached.wait()
            group.start_soon(look)
            await all_blocked()
            read_early = list(read)
            gate.opened.set()

    assert read_early == []
    assert read == [TakeState.SUBMITTING]


async def test_what_a_take_cost_is_kept(tmp_path: Path) -> None:
    """Sums of ticks are exact and cover every take of the batch, wanted or not."""
    path = tmp_path / "ledger.sqlite"
    async with a_run(path, [a_row()]) as ledger:
        await bring(ledger, await the_take(ledger), TakeState.DONE, cost_ticks=500_000_001)

    async with a_run(path, [a_row(prompt="A wolf runs.")]) as ledger:
        await bring(ledger, await the_take(ledger), TakeState.FAILED, cost_ticks=1_000_000_000)

        assert (await ledger.charges()).settled_ticks == 1_500_000_001


async def test_a_writer_that_is_cancelled_outright_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Not by a scope, which would be held off, but as a loop that is torn down does it."""
    path, gate = tmp_path / "ledger.sqlite", Gate()
    async with a_run(path, rows_of("abc"), tapped(gate)) as ledger:
        takes = {take.job.key: take async for take in ledger.planned()}
        gate.armed = True
        first = asyncio.ensure_future(ledger.move(takes["a"], TakeState.SUBMITTING))
        await gate.reached.wait()
        second = asyncio.ensure_future(ledger.move(takes["b"], TakeState.SUBMITTING))
        await checkpoint()
        second.cancel()
        gate.opened.set()

        await first
        with anyio.fail_after(5):
            await ledger.move(takes["c"], TakeState.SUBMITTING)

    assert second.cancelled() or second.done()
